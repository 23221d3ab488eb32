import { crc32c } from '@node-rs/crc32';
import { BATCH } from './batch-layout.js';
import { CODEC, CODECS } from './codecs.js';

/** Why a batch of records could not be read. */
export type UnreadableReason = 'batch_malformed' | 'batch_too_large' | 'codec_unknown';

/** A record of a batch, or the one that stands for all of a batch that cannot be read. */
export interface BatchRecord {
  readonly attributes: number;
  /** Milliseconds since 1970. */
  readonly timestamp: string;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer>>;
  /** Of all records of the batch: they begin at `fromOffset` and end with this one's offset. */
  readonly unreadable?: { readonly reason: UnreadableReason; readonly fromOffset: bigint };
}

/**
 * A batch whose records are not read yet: for kafkajs one message with the offset of the last of them. So a batch is decompressed
 * when its turn has come and not with all others of a fetch, takes memory only until then, and is in the processor's caches when
 * its records are applied.
 */
export interface ClosedBatch {
  /** Of the last record. */
  readonly offset: string;
  readonly key: Buffer | null;
  /** Of the broker's own records, which nobody is handed. */
  readonly isControlRecord: boolean;
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean };
  /** Resolves with its records, or with one that stands for them. Never rejects. */
  open(): Promise<readonly BatchRecord[]>;
}

export interface BatchLimits {
  /** Of one batch, decompressed. A publisher of ours sends less than 1 MiB. */
  readonly maxBatchBytes: number;
  readonly maxRecords: number;
}

export const BATCH_LIMITS: BatchLimits = {
  maxBatchBytes: 16 * 2 ** 20,
  maxRecords: 65_536,
};

/** Where a reader is in a broker's answer: kafkajs's Decoder. */
export interface Place {
  readonly buffer: Buffer;
  offset: number;
}

/** Length, attributes, two deltas, key, value and count of headers, a byte each. */
const MIN_RECORD_BYTES = 7;
/** Dead letters have four. Others are left out: a record may have a million. */
const MAX_HEADERS = 16;

/** kafkajs takes an error of this name for the end of what the broker sent: the rest comes with the next fetch. */
class PartialBatch extends Error {
  override readonly name = 'KafkaJSPartialMessageError';
}

class Unreadable extends Error {
  constructor(readonly reason: UnreadableReason) {
    super(reason);
  }
}

/**
 * Takes one batch of records (version 2) and steps over it, whatever it holds. Takes the place of kafkajs's own reader,
 * which decompresses without a bound and ends the consumer, again and again, when a batch cannot be read.
 */
export async function takeBatch(
  place: Place,
  limits: BatchLimits = BATCH_LIMITS,
): Promise<{ records: readonly ClosedBatch[] }> {
  const begin = place.offset;
  const end = begin + BATCH.begin + place.buffer.readInt32BE(begin + BATCH.lengthAt);
  if (end > place.buffer.length) throw new PartialBatch();
  place.offset = Math.max(end, begin + BATCH.begin);
  const batch = place.buffer.subarray(begin, place.offset);
  const isWhole = batch.length >= BATCH.headerBytes && isIntact(batch);
  const open = isWhole
    ? () => openBatch(batch, limits)
    : () => Promise.resolve([placeholder(batch, 'batch_malformed')]);
  const attributes = isWhole ? batch.readInt16BE(BATCH.attributesAt) : 0;
  const isControlRecord = (attributes & BATCH.control) !== 0;
  const closed: ClosedBatch = {
    offset: lastOffset(batch).toString(),
    // By the key of such a record kafkajs sees the end of a transaction. Anybody may write a batch without any.
    key: isControlRecord ? ((await open())[0]?.key ?? null) : null,
    isControlRecord,
    batchContext: {
      producerId: isWhole ? batch.readBigInt64BE(BATCH.producerIdAt).toString() : '-1',
      inTransaction: (attributes & BATCH.transactional) !== 0,
    },
    open,
  };
  return { records: [closed] };
}

async function openBatch(batch: Buffer, limits: BatchLimits): Promise<readonly BatchRecord[]> {
  try {
    return readRecords(batch, await recordBytes(batch, limits), limits);
  } catch (error) {
    return [placeholder(batch, error instanceof Unreadable ? error.reason : 'batch_malformed')];
  }
}

/** Whether the bytes are those that the publisher sent, and the broker stamped. */
function isIntact(batch: Buffer): boolean {
  return crc32c(batch.subarray(BATCH.attributesAt)) === batch.readUInt32BE(BATCH.crcAt);
}

async function recordBytes(batch: Buffer, limits: BatchLimits): Promise<Buffer> {
  const number = batch.readInt16BE(BATCH.attributesAt) & BATCH.codecMask;
  const bytes = batch.subarray(BATCH.headerBytes);
  if (number === CODEC.none) return bytes;
  const codec = CODECS.get(number);
  if (codec === undefined) throw new Unreadable('codec_unknown');
  try {
    return await codec.decompress(bytes, limits.maxBatchBytes);
  } catch (error) {
    throw new Unreadable(error instanceof RangeError ? 'batch_too_large' : 'batch_malformed');
  }
}

/** What the records of a batch have in common. */
interface BatchFacts {
  readonly firstOffset: bigint;
  readonly firstTimestampMs: number;
  /** When the broker took them, if it keeps that instead of the publisher's time. */
  readonly appendTimestamp: string | undefined;
}

function batchFacts(batch: Buffer): BatchFacts {
  const attributes = batch.readInt16BE(BATCH.attributesAt);
  return {
    firstOffset: batch.readBigInt64BE(0),
    firstTimestampMs: Number(batch.readBigInt64BE(BATCH.firstTimestampAt)),
    appendTimestamp: attributes & BATCH.appendTime ? batch.readBigInt64BE(BATCH.maxTimestampAt).toString() : undefined,
  };
}

function readRecords(batch: Buffer, bytes: Buffer, limits: BatchLimits): readonly BatchRecord[] {
  const count = batch.readInt32BE(BATCH.countAt);
  if (count > limits.maxRecords) throw new Unreadable('batch_too_large');
  if (count < 0 || count * MIN_RECORD_BYTES > bytes.length) throw new Unreadable('batch_malformed');
  const facts = batchFacts(batch);
  const reader = new VarintReader(bytes);
  return Array.from({ length: count }, () => readRecord(reader, facts));
}

function readRecord(reader: VarintReader, facts: BatchFacts): BatchRecord {
  const length = reader.varint();
  const end = reader.at + length;
  if (length < 0 || end > reader.bytes.length) throw new Unreadable('batch_malformed');
  const attributes = reader.byte();
  const timestampMs = facts.firstTimestampMs + reader.varint();
  const offset = facts.firstOffset + BigInt(reader.varint());
  const key = reader.block();
  const value = reader.block();
  const headers = readHeaders(reader);
  reader.at = end;
  const timestamp = facts.appendTimestamp ?? timestampMs.toString();
  return { attributes, timestamp, offset: offset.toString(), key, value, headers };
}

function readHeaders(reader: VarintReader): Record<string, Buffer> {
  const headers = Object.create(null) as Record<string, Buffer>;
  const count = Math.min(reader.varint(), MAX_HEADERS);
  for (let n = 0; n < count; n++) {
    const name = reader.block()?.toString('utf8') ?? '';
    headers[name] = reader.block() ?? Buffer.alloc(0);
  }
  return headers;
}

function placeholder(batch: Buffer, reason: UnreadableReason): BatchRecord {
  return {
    ...{ attributes: 0, timestamp: '0', key: null, value: null, headers: {} },
    offset: lastOffset(batch).toString(),
    unreadable: { reason, fromOffset: batch.readBigInt64BE(0) },
  };
}

function lastOffset(batch: Buffer): bigint {
  const lastDelta = batch.length < BATCH.headerBytes ? 0 : Math.max(0, batch.readInt32BE(BATCH.lastDeltaAt));
  return batch.readBigInt64BE(0) + BigInt(lastDelta);
}

/** Zigzag varints, exact up to 2^53, and blocks with their length before them. Throws beyond the end. */
class VarintReader {
  at = 0;

  constructor(readonly bytes: Buffer) {}

  byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new Unreadable('batch_malformed');
    return byte;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let n = 0; n < 10; n++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      scale *= 128;
    }
    throw new Unreadable('batch_malformed');
  }

  block(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    const begin = this.at;
    this.at += length;
    if (this.at > this.bytes.length) throw new Unreadable('batch_malformed');
    return this.bytes.subarray(begin, this.at);
  }
}
