import { createRequire } from 'node:module';
import { CODECS } from '../../wire/kafka/codecs.js';

const require = createRequire(import.meta.url);

type Encoder = { readonly buffer: Buffer };

const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0/index.js') as {
  RecordBatch: (options: object) => Promise<Encoder>;
};
const crc32C = require('kafkajs/src/protocol/recordBatch/crc32C/index.js') as (bytes: Buffer) => number;
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0/index.js') as (record: object) => Encoder;

export interface WrittenRecord {
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface BatchOptions {
  readonly firstOffset?: bigint;
  readonly firstTimestampMs?: number;
  /** Number of the protocol; default none. */
  readonly codec?: number;
}

/** A batch as kafkajs writes it, not as what is tested reads it. */
export async function writeBatch(written: readonly WrittenRecord[], options: BatchOptions = {}): Promise<Buffer> {
  const { codec = 0, firstOffset = 0n, firstTimestampMs = 1_700_000_000_000 } = options;
  const { buffer } = await RecordBatch({
    firstOffset,
    firstTimestamp: firstTimestampMs,
    maxTimestamp: firstTimestampMs + written.length,
    lastOffsetDelta: written.length - 1,
    records: written.map(({ headers = {}, key, value }, n) =>
      encodeRecord({ offsetDelta: n, timestampDelta: n, key: key === null ? null : Buffer.from(key), value, headers }),
    ),
  });
  return codec === 0 ? buffer : compressed(buffer, codec);
}

const CHECKSUM_AT = 17;
const ATTRIBUTES_AT = 21;
const RECORDS_AT = 61;

/** The same batch with its records compressed. */
async function compressed(batch: Buffer, codec: number): Promise<Buffer> {
  const records = await CODECS.get(codec)!.compress(batch.subarray(RECORDS_AT));
  return withRecords(batch, codec, records);
}

/** A batch of another's head, with that number of a codec and those bytes as its records. */
export function withRecords(batch: Buffer, codec: number, records: Buffer): Buffer {
  const whole = Buffer.concat([batch.subarray(0, RECORDS_AT), records]);
  whole.writeInt32BE(whole.length - 12, 8);
  whole.writeInt16BE(codec, ATTRIBUTES_AT);
  return sealed(whole);
}

/** The batch itself, with the checksum of what is in it now. */
export function sealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32C(batch.subarray(ATTRIBUTES_AT)), CHECKSUM_AT);
  return batch;
}
