import { open, type FileHandle } from 'node:fs/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { SondeError } from '../errors.js';
import { RecordedFrameSchema } from '../gen/recording_pb.js';
import { HEADER, type Recorded } from './format.js';

/** Bytes that are gathered before they are written. */
const CHUNK_BYTES = 256 * 1024;

/** Writes recorded frames to a file. */
export class RecordingWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #failure: SondeError | undefined;
  #closed: Promise<void> | undefined;
  frames = 0;
  /** Bytes of the file, with what is not written yet. */
  bytes = HEADER.length;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
    this.#gather(HEADER);
  }

  /** Creates the file. Throws a SondeError `FILE` when it cannot, or when there is one already, unless `overwrite`. */
  static async create(path: string, options: { readonly overwrite: boolean }): Promise<RecordingWriter> {
    try {
      return new RecordingWriter(path, await open(path, options.overwrite ? 'w' : 'wx'));
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      const why =
        code === 'EEXIST' ? 'is there already: choose another file, or overwrite it with --force' : reason(cause);
      throw new SondeError('FILE', `${path} ${why}`, { stage: 'output', cause });
    }
  }

  /**
   * Adds records. Resolves when there is room for more: no more than a chunk is held. Rejects with a SondeError when the file cannot be
   * written; what is in it stays readable.
   */
  async append(records: readonly Recorded[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    for (const { partition, record } of records) {
      const { key, value, offset, timestampMs } = record;
      const message = create(RecordedFrameSchema, { partition, offset, timestampMs: BigInt(timestampMs), key, value });
      const bytes = toBinary(RecordedFrameSchema, message);
      const framed = new BinaryWriter().uint32(bytes.length).raw(bytes).finish();
      this.#gather(framed);
      this.frames++;
      this.bytes += framed.length;
    }
    if (this.#gatheredBytes >= CHUNK_BYTES) await this.flush();
  }

  /** Writes what is gathered. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /** Writes the rest. Idempotent; rejects as {@link append}. */
  close(): Promise<void> {
    this.#closed ??= this.flush().finally(() => this.#file.close());
    return this.#closed;
  }

  async #write(): Promise<void> {
    if (this.#gathered.length === 0) return;
    const bytes = Buffer.concat(this.#gathered);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    try {
      await this.#file.writev([bytes]);
    } catch (cause) {
      this.#failure = new SondeError('FILE', `${this.#path} ${reason(cause)}`, { stage: 'output', cause });
      throw this.#failure;
    }
  }

  #gather(bytes: Uint8Array): void {
    this.#gathered.push(bytes);
    this.#gatheredBytes += bytes.length;
  }
}

function reason(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return 'cannot be made: its folder is not there';
    case 'EISDIR':
      return 'is a folder: name a file';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `cannot be written (${code}): choose another place`;
    case 'ENOSPC':
      return 'cannot be written on: the disk is full';
    default:
      return `cannot be written: ${message}`;
  }
}
