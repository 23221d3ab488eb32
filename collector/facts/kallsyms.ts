import type { Native } from '../../native/types.js';
import type { ProbeConfig } from '../../wire/config/schema.js';
import { decodersUsed } from '../../wire/config/decoders-used.js';
import { AddressIndex, indexBelow } from './address-index.js';

const PATH = '/proc/kallsyms';
/** How long an answer "no such symbol" stands, and with it the least time between two reads for unknown addresses. */
const NEGATIVE_MS = 60_000;
/** How long they are kept after a question: they take some 7 MB, and who asks keeps the answers. */
const KEPT_MS = 60_000;

/** 16 digits, a space, the type, a space, a character, and the end. */
const MIN_LINE_BYTES = 21;

const NO_TEXT = Buffer.alloc(0);
const NO_NAMES = new AddressIndex(new Float64Array(0), new Uint32Array(0));

const NEWLINE = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
/** Types of symbols of code, as nm(1) has them. */
const CODE = new Set(Buffer.from('tTwW'));

/** Of an address; the bits above are the same in all, and its symbols are told apart by these. */
const LOW_BITS = 52n;
const LOW_MASK = 2n ** LOW_BITS - 1n;

/**
 * Kernel symbols by address. `/proc/kallsyms` is read when the first address is asked for, or before that is to be expected, and again
 * when an address is unknown (a module may have been loaded), but at most once a minute. They are forgotten a minute after the last
 * question.
 */
export class Kallsyms {
  readonly #native: Pick<Native, 'readFile'>;
  readonly #path: string;
  readonly #now: () => number;
  #text: Buffer = NO_TEXT;
  /** Where in the text the name of the symbol at an address begins. The addresses are their low 52 bits. */
  #names = NO_NAMES;
  /** Addresses of code, ascending, as in `#names`; made when they are first needed. */
  #code: Float64Array | undefined;
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;
  #early: Promise<void> | undefined;
  #forgetting: NodeJS.Timeout | undefined;

  /** `now`: a clock that only goes forward, in milliseconds. */
  constructor(native: Pick<Native, 'readFile'>, path = PATH, now: () => number = () => performance.now()) {
    this.#native = native;
    this.#path = path;
    this.#now = now;
  }

  /**
   * Addresses will be asked for: the symbols are read meanwhile. What they do not hold is looked for again at the first question: it may
   * be of a program that is loaded after this. A failure shows then, too.
   */
  expect(): void {
    this.#early = this.#read().then(
      () => void (this.#readAt = -Infinity),
      () => undefined,
    );
  }

  /** The name of the (first listed) symbol that starts exactly at `address`. */
  async exact(address: bigint): Promise<Buffer | undefined> {
    const low = Number(address & LOW_MASK);
    await this.#readUnless(() => this.#names.get(low) !== undefined);
    return this.#nameAt(low);
  }

  /** The name of the (first listed) symbol of code at `address`, or of the nearest below it. */
  async nearest(address: bigint): Promise<Buffer | undefined> {
    const low = Number(address & LOW_MASK);
    await this.#readUnless(() => this.#isWithinKernel(low));
    const nearest = this.#addresses[indexBelow(this.#addresses, low)];
    if (nearest === undefined || this.#upperBits(nearest) !== address >> LOW_BITS) return undefined;
    return this.#nameAt(nearest);
  }

  /** The address of a symbol (for `kaddrs`), or undefined. 0 when the kernel hides addresses (kernel.kptr_restrict). */
  async address(name: string): Promise<bigint | undefined> {
    const text = (await this.#native.readFile(this.#path)).toString('latin1');
    const line = new RegExp(`^([0-9a-f]+) \\w ${name.replaceAll(/[^\w]/g, '\\$&')}(\\t|$)`, 'm').exec(text);
    return line === null ? undefined : BigInt(`0x${line[1]!}`);
  }

  get #addresses(): Float64Array {
    // The type stands before the name and a space.
    return (this.#code ??= this.#names.matching((name) => CODE.has(this.#text[name - 2]!)));
  }

  /** Whether the address is between two symbols of the kernel itself, where no module that came later can be. */
  #isWithinKernel(low: number): boolean {
    const below = indexBelow(this.#addresses, low);
    return this.#isOfKernel(this.#addresses[below]) && this.#isOfKernel(this.#addresses[below + 1]);
  }

  #isOfKernel(low: number | undefined): boolean {
    return low !== undefined && this.#text[this.#nameEnd(this.#names.get(low)!)] !== TAB;
  }

  /** The first three digits of a symbol's line. */
  #upperBits(low: number): bigint {
    const line = this.#text.lastIndexOf(NEWLINE, this.#names.get(low)! - 1) + 1;
    return BigInt(`0x${this.#text.toString('latin1', line, line + 3)}`);
  }

  #nameAt(low: number): Buffer | undefined {
    const start = this.#names.get(low);
    return start === undefined ? undefined : this.#text.subarray(start, this.#nameEnd(start));
  }

  #nameEnd(start: number): number {
    let end = start;
    while (end < this.#text.length && this.#text[end] !== NEWLINE && this.#text[end] !== TAB) end++;
    return end;
  }

  #forgetLater(): void {
    clearTimeout(this.#forgetting);
    this.#forgetting = setTimeout(() => this.#forget(), KEPT_MS).unref();
  }

  #forget(): void {
    this.#text = NO_TEXT;
    this.#names = NO_NAMES;
    this.#code = undefined;
    this.#readAt = -Infinity;
    this.#early = this.#forgetting = undefined;
  }

  async #readUnless(isKnown: () => boolean): Promise<void> {
    if (this.#forgetting !== undefined) this.#forgetLater();
    if (isKnown()) return;
    await this.#early;
    if (isKnown()) return;
    if (this.#now() - this.#readAt < NEGATIVE_MS) return;
    await (this.#reading ??= this.#read().finally(() => (this.#reading = undefined)));
  }

  /** Lines are `address type name[\t[module]]`, with the address in 16 hex digits. */
  async #read(): Promise<void> {
    const text = await this.#native.readFile(this.#path);
    const most = Math.ceil(text.length / MIN_LINE_BYTES);
    const addresses = new Float64Array(most);
    const names = new Uint32Array(most);
    let count = 0;
    for (let at = 0; at < text.length;) {
      let address = 0;
      let digit = at + 3;
      for (; text[digit] !== SPACE && digit < text.length; digit++) address = address * 16 + hexValue(text[digit]!);
      if (address !== 0) {
        addresses[count] = address;
        names[count++] = digit + 3;
      }
      const end = text.indexOf(NEWLINE, digit);
      at = end < 0 ? text.length : end + 1;
    }
    this.#text = text;
    this.#names = new AddressIndex(addresses.subarray(0, count), names.subarray(0, count));
    this.#code = undefined;
    this.#readAt = this.#now();
    this.#forgetLater();
  }
}

function hexValue(byte: number): number {
  return byte <= 0x39 ? byte - 0x30 : byte - 0x57;
}

/** Whether a config asks for symbols by address. */
export function needsSymbols(config: ProbeConfig): boolean {
  const used = decodersUsed(config);
  return used.has('ksym') || used.has('kstack');
}
