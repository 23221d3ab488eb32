/** A part of a record. */
interface Extent {
  readonly offset: number;
  readonly size: number;
}

/**
 * The bytes of some fields of a record, as a key for a `KeyTable`: the 32-bit words that the fields touch, without the bytes that
 * belong to none of them. So a field costs no copying byte by byte, wherever it stands.
 */
export class RecordKey {
  /** The key of the record that was loaded last. */
  readonly words: Uint32Array;
  readonly #offsets: Uint32Array;
  readonly #masks: Uint32Array;

  constructor(fields: readonly Extent[]) {
    const masks = new Map<number, number>();
    for (const { offset, size } of fields) {
      for (let byte = offset; byte < offset + size; byte++) {
        const word = byte & ~3;
        masks.set(word, (masks.get(word) ?? 0) | (0xff << ((byte & 3) * 8)));
      }
    }
    this.#offsets = Uint32Array.from(masks.keys());
    this.#masks = Uint32Array.from(masks.values());
    this.words = new Uint32Array(masks.size);
  }

  /** Loads the record at `at`, whose fields must be there, as must be what pads them to 4 bytes. */
  load(view: DataView, at: number): void {
    const words = this.words;
    const offsets = this.#offsets;
    const masks = this.#masks;
    for (let i = 0; i < words.length; i++) words[i] = view.getUint32(at + offsets[i]!, true) & masks[i]!;
  }
}
