/** What a part of the state saves of itself: a few values as JSON, and arrays of bytes. */
export interface Saved<Meta> {
  readonly meta: Meta;
  /** Views: valid until the part changes. */
  readonly arrays: Readonly<Record<string, Uint8Array>>;
}

/** Bytes of a section at most: what changes in a large array is written, and not the whole of it. */
const CHUNK_BYTES = 64 * 1024;

/** An array as sections `name/0`, `name/1`, …: views. An empty array has none. */
export function* chunked(name: string, bytes: Uint8Array): Generator<readonly [string, Uint8Array]> {
  for (let at = 0, i = 0; at < bytes.length; at += CHUNK_BYTES, i++) {
    yield [`${name}/${i}`, bytes.subarray(at, at + CHUNK_BYTES)];
  }
}

/** The array that {@link chunked} has cut, in a buffer of its own: aligned for typed arrays. */
export function joined(name: string, sections: ReadonlyMap<string, Uint8Array>): Uint8Array<ArrayBuffer> {
  const chunks: Uint8Array[] = [];
  for (let i = 0; ; i++) {
    const chunk = sections.get(`${name}/${i}`);
    if (chunk === undefined) break;
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** The same bytes as words. Their number must be a multiple of 4, and they must be aligned, as {@link joined} gives them. */
export function asWords(bytes: Uint8Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
}

/** The first `words` words of an array as bytes: a view. */
export function asBytes(array: Uint32Array, words: number): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, words * 4);
}
