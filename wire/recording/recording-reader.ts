import { createReadStream } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { SondeError } from '../errors.js';
import { RecordedFrameSchema } from '../gen/recording_pb.js';
import { HEADER, headerProblem, MAX_RECORD_BYTES, type Recorded } from './format.js';

const CHUNK_BYTES = 1024 * 1024;
/** Bytes of a length at most: MAX_RECORD_BYTES has 4. */
const MAX_LENGTH_BYTES = 4;

/** Reads a file of recorded frames, record by record, in the order in which they were written. */
export class RecordingReader {
  readonly #path: string;
  #rest: Uint8Array = new Uint8Array();
  /** Whole records up to here, in bytes of the file. */
  #end = 0;
  frames = 0;
  /** Where and how the file ends too early, in words; undefined while all is well. */
  damage: string | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * All records up to the end, or to the first one that is cut off or damaged: `damage` says so then.
   * Throws a SondeError `FILE` when the file cannot be read or is no recording.
   */
  async *records(): AsyncGenerator<Recorded> {
    for await (const bytes of this.#chunks()) {
      this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
      if (this.#end === 0 && !this.#takeHeader()) continue;
      for (let next = this.#take(); next !== undefined; next = this.#take()) yield next;
      if (this.damage !== undefined) return;
    }
    if (this.#end === 0) throw this.#error(headerProblem(this.#rest) ?? 'ends within its header');
    if (this.#rest.length > 0) this.#cut(`the last ${this.#rest.length} bytes are a part of a record`);
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of createReadStream(this.#path, { highWaterMark: CHUNK_BYTES })) yield chunk as Buffer;
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      throw this.#error(code === 'ENOENT' ? 'is not there' : `cannot be read: ${message}`, cause);
    }
  }

  #takeHeader(): boolean {
    if (this.#rest.length < HEADER.length) return false;
    const problem = headerProblem(this.#rest);
    if (problem !== undefined) throw this.#error(problem);
    this.#rest = this.#rest.subarray(HEADER.length);
    this.#end = HEADER.length;
    return true;
  }

  /** The next record that is there as a whole. */
  #take(): Recorded | undefined {
    const length = this.#length();
    if (length === undefined) return undefined;
    const { bytes, size } = length;
    if (size === 0 || size > MAX_RECORD_BYTES) return this.#cut(`a record of ${size} bytes cannot be`);
    if (this.#rest.length < bytes + size) return undefined;
    let recorded: Recorded;
    try {
      recorded = recordedOf(this.#rest.subarray(bytes, bytes + size));
    } catch {
      return this.#cut('a record is no RecordedFrame');
    }
    this.#rest = this.#rest.subarray(bytes + size);
    this.#end += bytes + size;
    this.frames++;
    return recorded;
  }

  /** The varint before a record, and its own bytes; undefined while it is not there as a whole. */
  #length(): { bytes: number; size: number } | undefined {
    let size = 0;
    for (let i = 0; i < this.#rest.length; i++) {
      if (i === MAX_LENGTH_BYTES) return { bytes: i, size: Infinity };
      size |= (this.#rest[i]! & 0x7f) << (i * 7);
      if (this.#rest[i]! < 0x80) return { bytes: i + 1, size };
    }
    return undefined;
  }

  #cut(how: string): undefined {
    this.damage = `${this.#path} is damaged after ${this.frames} frames, at byte ${this.#end}: ${how}`;
    return undefined;
  }

  #error(problem: string, cause?: unknown): SondeError {
    return new SondeError('FILE', `${this.#path} ${problem}`, { stage: 'read', cause });
  }
}

function recordedOf(bytes: Uint8Array): Recorded {
  const { partition, offset, timestampMs, key, value } = fromBinary(RecordedFrameSchema, bytes);
  return { partition, record: { key, value, offset, timestampMs: Number(timestampMs) } };
}
