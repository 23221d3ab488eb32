import { crc32c } from '@node-rs/crc32';
import { BATCH } from './batch-layout.js';
import { CODEC, CODECS } from './codecs.js';

/** Why a batch of records could not be read. */
export type UnreadableReason = 'batch_malformed' | 'batch_too_large' | 'codec_unknown';

/** A record as kafkajs hands it on, with what this reader adds. */
export interface BatchRecord {
  readonly magicByte: number;
  readonly attributes: number;
  /** Milliseconds since 1970. */
  readonly timestamp: string;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer>>;
  readonly isControlRecord: boolean;
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean };
  /** Stands for all records of a batch that cannot be read: they begin at `fromOffset` and end with this one's offset. */
  readonly unreadable?: { readonly reason: UnreadableReason; readonly fromOffset: bigint };
}

export interface BatchLimits {
  /** Of one batch, decompressed. A publisher of ours sends less than 1 MiB. */
  readonly maxBatchBytes: number;
  /** Of the batches of one answer of a broker, decompressed; what is beyond is fetched again. */
  readonly maxAnswerBytes: number;
  readonly maxRecords: number;
}

export const BATCH_LIMITS: BatchLimits = {
  maxBatchBytes: 16 * 2 ** 20,
  maxAnswerBytes: 64 * 2 ** 20,
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

/** Decompressed bytes by answer. */
const taken = new WeakMap<ArrayBufferLike, number>();

/**
 * Reads one batch of records (version 2) and steps over it, whatever it holds. Takes the place of kafkajs's own reader,
 * which decompresses without a bound and ends the consumer, again and again, when a batch cannot be read.
 */
export async function readBatch(
  place: Place,
  limits: BatchLimits = BATCH_LIMITS,
): Promise<{ records: readonly BatchRecord[] }> {
  const begin = place.offset;
  const end = begin + BATCH.begin + place.buffer.readInt32BE(begin + BATCH.lengthAt);
  if (end > place.buffer.length) throw new PartialBatch();
  const takenBytes = taken.get(place.buffer.buffer) ?? 0;
  if (takenBytes > limits.maxAnswerBytes) throw new PartialBatch();
  place.offset = Math.max(end, begin + BATCH.begin);
  const batch = place.buffer.subarray(begin, place.offset);
  try {
    if (batch.length < BATCH.headerBytes || !isIntact(batch)) throw new Unreadable('batch_malformed');
    const bytes = await recordBytes(batch, limits);
    if (bytes.buffer !== batch.buffer) taken.set(place.buffer.buffer, takenBytes + bytes.length);
    return { records: readRecords(batch, bytes, limits) };
  } catch (error) {
    const reason = error instanceof Unreadable ? error.reason : 'batch_malformed';
    return { records: [placeholder(batch, reason)] };
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
  readonly isControlRecord: boolean;
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean };
}

function batchFacts(batch: Buffer): BatchFacts {
  const attributes = batch.readInt16BE(BATCH.attributesAt);
  return {
    firstOffset: batch.readBigInt64BE(0),
    firstTimestampMs: Number(batch.readBigInt64BE(BATCH.firstTimestampAt)),
    appendTimestamp: attributes & BATCH.appendTime ? batch.readBigInt64BE(BATCH.maxTimestampAt).toString() : undefined,
    isControlRecord: (attributes & BATCH.control) !== 0,
    batchContext: {
      producerId: batch.readBigInt64BE(BATCH.producerIdAt).toString(),
      inTransaction: (attributes & BATCH.transactional) !== 0,
    },
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
  const { batchContext, isControlRecord } = facts;
  return {
    ...{ magicByte: 2, attributes, timestamp, offset: offset.toString(), key, value, headers },
    ...{ isControlRecord, batchContext },
  };
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
  const fromOffset = batch.readBigInt64BE(0);
  const lastDelta = batch.length < BATCH.headerBytes ? 0 : Math.max(0, batch.readInt32BE(BATCH.lastDeltaAt));
  return {
    ...{ magicByte: 2, attributes: 0, timestamp: '0', key: null, value: null, headers: {} },
    offset: (fromOffset + BigInt(lastDelta)).toString(),
    isControlRecord: false,
    batchContext: { producerId: '-1', inTransaction: false },
    unreadable: { reason, fromOffset },
  };
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
