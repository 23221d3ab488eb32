import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeadLetter } from './durable-queue.js';

/** A letter as it is kept. */
export interface KeptLetter {
  /** Name within the folder, in order of burial. */
  readonly id: string;
  /** When it was buried, ms since 1970. */
  readonly atMs: number;
  readonly reason: string;
  readonly points: number;
  /** Line protocol. */
  readonly lines: string;
}

const SUFFIX = '.json';

/** Dead letters as files, one each: any process may list and remove them while another adds some. */
export class LetterFolder {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #onDropped: (points: number) => void;
  /** Bytes of each file, oldest first. */
  readonly #sizes = new Map<string, number>();
  #bytes = 0;
  #last = 0;

  /** @param onDropped told of points whose letters had to make room. */
  constructor(folder: string, maxBytes: number, onDropped: (points: number) => void) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#onDropped = onDropped;
  }

  get size(): { readonly letters: number; readonly bytes: number } {
    return { letters: this.#sizes.size, bytes: this.#bytes };
  }

  /** Finds what is there. */
  async start(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    for (const id of await this.ids()) this.#count(id, (await stat(join(this.#folder, id))).size);
  }

  /** Returns its id. */
  async add({ lines, points, reason }: DeadLetter, atMs: number): Promise<string> {
    const text = JSON.stringify({ atMs, reason, points, lines: lines.toString() });
    this.#last = Math.max(this.#last + 1, atMs);
    const id = `${String(this.#last).padStart(15, '0')}${SUFFIX}`;
    const path = join(this.#folder, id);
    await writeFile(`${path}.partial`, text, { mode: 0o600, flush: true });
    await rename(`${path}.partial`, path);
    this.#count(id, Buffer.byteLength(text));
    for (const [oldest] of this.#sizes) {
      if (this.#bytes <= this.#maxBytes) break;
      await this.#drop(oldest);
    }
    return id;
  }

  /** Names of the letters, oldest first. */
  async ids(): Promise<string[]> {
    return (await readdir(this.#folder)).filter((name) => name.endsWith(SUFFIX)).sort();
  }

  /** Undefined when there is no such letter any more. */
  async read(id: string): Promise<KeptLetter | undefined> {
    const text = await readFile(join(this.#folder, id), 'utf8').catch(() => undefined);
    return text === undefined ? undefined : { ...(JSON.parse(text) as Omit<KeptLetter, 'id'>), id };
  }

  async remove(id: string): Promise<void> {
    this.#bytes -= this.#sizes.get(id) ?? 0;
    this.#sizes.delete(id);
    await rm(join(this.#folder, id), { force: true });
  }

  async #drop(id: string): Promise<void> {
    // One that a person has removed meanwhile is not lost.
    const letter = await this.read(id);
    await this.remove(id);
    if (letter !== undefined) this.#onDropped(letter.points);
  }

  #count(id: string, bytes: number): void {
    this.#sizes.set(id, bytes);
    this.#bytes += bytes;
  }
}
