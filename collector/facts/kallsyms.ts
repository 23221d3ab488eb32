import { readFile } from 'node:fs/promises';

const PATH = '/proc/kallsyms';
/** How long an answer "no such symbol" stands, and with it the least time between two reads for unknown addresses. */
const NEGATIVE_MS = 60_000;

const NEWLINE = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;

/**
 * Kernel symbols by address. `/proc/kallsyms` is read when the first address is asked for, and again when one is unknown (a
 * module may have been loaded), but at most once a minute.
 */
export class Kallsyms {
  readonly #path: string;
  readonly #now: () => number;
  #text = Buffer.alloc(0);
  /** Where in the text the name of the symbol at an address begins. The keys are the addresses' low 52 bits: the upper ones are all set. */
  #names = new Map<number, number>();
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;

  /** `now`: a clock that only goes forward, in milliseconds. */
  constructor(path = PATH, now: () => number = () => performance.now()) {
    this.#path = path;
    this.#now = now;
  }

  /** The name of the (first listed) symbol that starts exactly at `address`. */
  async exact(address: bigint): Promise<Buffer | undefined> {
    const known = this.#find(address);
    if (known !== undefined || this.#now() - this.#readAt < NEGATIVE_MS) return known;
    await (this.#reading ??= this.#read().finally(() => (this.#reading = undefined)));
    return this.#find(address);
  }

  /** The address of a symbol (for `kaddrs`), or undefined. 0 when the kernel hides addresses (kernel.kptr_restrict). */
  async address(name: string): Promise<bigint | undefined> {
    const text = (await readFile(this.#path)).toString('latin1');
    const line = new RegExp(`^([0-9a-f]+) \\w ${name.replaceAll(/[^\w]/g, '\\$&')}(\\t|$)`, 'm').exec(text);
    return line === null ? undefined : BigInt(`0x${line[1]!}`);
  }

  #find(address: bigint): Buffer | undefined {
    const start = this.#names.get(Number(address & 0xfffffffffffffn));
    if (start === undefined) return undefined;
    let end = start;
    while (end < this.#text.length && this.#text[end] !== NEWLINE && this.#text[end] !== TAB) end++;
    return this.#text.subarray(start, end);
  }

  /** Lines are `address type name[\t[module]]`, with the address in 16 hex digits. */
  async #read(): Promise<void> {
    const text = await readFile(this.#path);
    const names = new Map<number, number>();
    for (let at = 0; at < text.length;) {
      let address = 0;
      let digit = at + 3;
      for (; text[digit] !== SPACE && digit < text.length; digit++) address = address * 16 + hexValue(text[digit]!);
      if (address !== 0 && !names.has(address)) names.set(address, digit + 3);
      const end = text.indexOf(NEWLINE, digit);
      at = end < 0 ? text.length : end + 1;
    }
    this.#text = text;
    this.#names = names;
    this.#readAt = this.#now();
  }
}

function hexValue(byte: number): number {
  return byte <= 0x39 ? byte - 0x30 : byte - 0x57;
}
