import { crc32c } from '@node-rs/crc32';
import { CODEC, CODECS } from './codecs.js';
import { BATCH } from './batch-layout.js';

/** A record as kafkajs hands it to its writer. */
export interface RecordToWrite {
  readonly key?: Buffer | string | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, Buffer | string>>;
  readonly offsetDelta?: number;
  readonly timestampDelta?: number;
}

/** What kafkajs says of a batch; a number of 64 bits may be its own Long. */
export interface BatchToWrite {
  /** Number of a codec. */
  readonly compression?: number;
  readonly records: readonly RecordToWrite[];
  readonly firstTimestamp: number | string;
  readonly maxTimestamp: number | string;
  readonly lastOffsetDelta?: number;
  readonly producerId?: { toString(): string };
  readonly producerEpoch?: number;
  readonly firstSequence?: number;
  readonly transactional?: boolean;
}

/** Of records before they are compressed: as much as a send has, so that the next send can use the memory again. */
const SCRATCH_BYTES = 2 ** 20;
const MAX_SPARE = 2;

/**
 * Writes batches of records (version 2). Takes the place of kafkajs's own writer, which copies each record several times into ever
 * larger blocks of memory and computes the checksum byte by byte: most of what publishing cost.
 */
export class BatchWriter {
  readonly #spare: Buffer[] = [];

  /** The bytes of a batch with offset 0. Rejects when the codec does. */
  async write(batch: BatchToWrite): Promise<Buffer> {
    const sizes = batch.records.map(bodyBytes);
    const bytes = sizes.reduce((sum, size) => sum + varintBytes(size) + size, 0);
    const codec = CODECS.get((batch.compression ?? CODEC.none) & BATCH.codecMask);
    if (codec === undefined) {
      const whole = Buffer.allocUnsafeSlow(BATCH.headerBytes + bytes);
      writeRecords(whole.subarray(BATCH.headerBytes), batch.records, sizes);
      return sealed(whole, batch);
    }
    const scratch = this.#take(bytes);
    try {
      writeRecords(scratch, batch.records, sizes);
      const compressed = await codec.compress(scratch.subarray(0, bytes));
      const whole = Buffer.allocUnsafeSlow(BATCH.headerBytes + compressed.length);
      whole.set(compressed, BATCH.headerBytes);
      return sealed(whole, batch);
    } finally {
      this.#giveBack(scratch);
    }
  }

  #take(bytes: number): Buffer {
    const spare = bytes <= SCRATCH_BYTES ? this.#spare.pop() : undefined;
    return spare ?? Buffer.allocUnsafeSlow(Math.max(bytes, SCRATCH_BYTES));
  }

  #giveBack(scratch: Buffer): void {
    if (scratch.length === SCRATCH_BYTES && this.#spare.length < MAX_SPARE) this.#spare.push(scratch);
  }
}

/** Writes the head of a batch whose records are in place, the checksum last. */
function sealed(whole: Buffer, batch: BatchToWrite): Buffer {
  const { compression = CODEC.none, producerEpoch = 0, producerId = -1, transactional = false } = batch;
  whole.writeBigInt64BE(0n, 0);
  whole.writeInt32BE(whole.length - BATCH.begin, BATCH.lengthAt);
  whole.writeInt32BE(0, BATCH.leaderEpochAt);
  whole.writeInt8(BATCH.version, BATCH.versionAt);
  whole.writeInt16BE((compression & BATCH.codecMask) | (transactional ? BATCH.transactional : 0), BATCH.attributesAt);
  whole.writeInt32BE(batch.lastOffsetDelta ?? 0, BATCH.lastDeltaAt);
  whole.writeBigInt64BE(BigInt(batch.firstTimestamp), BATCH.firstTimestampAt);
  whole.writeBigInt64BE(BigInt(batch.maxTimestamp), BATCH.maxTimestampAt);
  whole.writeBigInt64BE(BigInt(producerId.toString()), BATCH.producerIdAt);
  whole.writeInt16BE(producerEpoch, BATCH.producerEpochAt);
  whole.writeInt32BE(batch.firstSequence ?? 0, BATCH.firstSequenceAt);
  whole.writeInt32BE(batch.records.length, BATCH.countAt);
  whole.writeUInt32BE(crc32c(whole.subarray(BATCH.attributesAt)), BATCH.crcAt);
  return whole;
}

function writeRecords(into: Buffer, records: readonly RecordToWrite[], sizes: readonly number[]): void {
  const out = new RecordWriter(into);
  records.forEach((record, n) => {
    out.varint(sizes[n]!);
    out.byte(0);
    out.varint(record.timestampDelta ?? 0);
    out.varint(record.offsetDelta ?? 0);
    out.block(record.key ?? null);
    out.block(record.value);
    const headers = Object.entries(record.headers ?? {});
    out.varint(headers.length);
    for (const [name, value] of headers) {
      out.block(name);
      out.block(value);
    }
  });
}

/** Of a record, without the length before it. */
function bodyBytes({ headers = {}, key = null, offsetDelta = 0, timestampDelta = 0, value }: RecordToWrite): number {
  const entries = Object.entries(headers);
  const headerBytes = entries.reduce((sum, [name, text]) => sum + blockBytes(name) + blockBytes(text), 0);
  const deltas = varintBytes(timestampDelta) + varintBytes(offsetDelta);
  return 1 + deltas + blockBytes(key) + blockBytes(value) + varintBytes(entries.length) + headerBytes;
}

function blockBytes(block: Buffer | string | null): number {
  if (block === null) return 1;
  const bytes = Buffer.byteLength(block);
  return varintBytes(bytes) + bytes;
}

/** Of a zigzag varint. */
function varintBytes(value: number): number {
  let rest = zigzag(value);
  let bytes = 1;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Exact up to 2^52: a number of milliseconds may have more than 32 bits. */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

class RecordWriter {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  byte(value: number): void {
    this.#bytes[this.#at++] = value;
  }

  varint(value: number): void {
    let rest = zigzag(value);
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.byte((rest % 0x80) | 0x80);
    this.byte(rest);
  }

  block(block: Buffer | string | null): void {
    if (block === null) return this.varint(-1);
    this.varint(Buffer.byteLength(block));
    if (typeof block === 'string') this.#at += this.#bytes.write(block, this.#at);
    else {
      this.#bytes.set(block, this.#at);
      this.#at += block.length;
    }
  }
}
