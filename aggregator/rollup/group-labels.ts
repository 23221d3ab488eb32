import { labelText, type Labels } from '../host-labels.js';
import { LabelScan } from '../series/label-scan.js';

const COMMA = 0x2c;
const QUOTE = 0x22;

interface GroupLabel {
  /** `name="`. */
  readonly head: Uint8Array;
  /** `name="value"`, where it is the same for all series. */
  readonly constant?: Uint8Array;
}

const scan = new LabelScan();

/** Labels of the sum that a series goes to: those that are kept, with the series' own values or its host's. */
export class GroupLabels {
  /** Whether all series go to the same sum. */
  readonly isConstant: boolean;
  readonly #labels: readonly GroupLabel[];
  /** `a="x",b="y"` of the series that was read last. */
  bytes = Buffer.alloc(256);
  length = 0;

  /** @param own labels that the series have themselves. */
  constructor(by: readonly string[], own: readonly string[], host: Labels) {
    this.#labels = [...by].sort().map((name) => {
      const head = Buffer.from(`${name}="`);
      return own.includes(name) ? { head } : { head, constant: labelText({ [name]: host[name] ?? '' }) };
    });
    this.isConstant = this.#labels.every(({ constant }) => constant !== undefined);
  }

  /** Reads the labels of the series whose text is `text[from..to)`. */
  read(text: Uint8Array, from: number, to: number): void {
    this.length = 0;
    for (const { head, constant } of this.#labels) {
      if (this.length > 0) this.#put(COMMA);
      if (constant !== undefined) {
        this.#copy(constant, 0, constant.length);
        continue;
      }
      this.#copy(head, 0, head.length);
      if (scan.find(text, from, to, head)) this.#copy(text, scan.from, scan.to);
      this.#put(QUOTE);
    }
  }

  #put(byte: number): void {
    this.#reserve(1);
    this.bytes[this.length++] = byte;
  }

  #copy(bytes: Uint8Array, from: number, to: number): void {
    this.#reserve(to - from);
    for (let i = from; i < to; i++) this.bytes[this.length++] = bytes[i]!;
  }

  #reserve(length: number): void {
    if (this.length + length <= this.bytes.length) return;
    const grown = Buffer.alloc((this.length + length) * 2);
    grown.set(this.bytes);
    this.bytes = grown;
  }
}
