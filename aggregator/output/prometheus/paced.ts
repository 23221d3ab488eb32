/** Time that writing may hold the event loop before others get their turn. */
const SLICE_MS = 2;
/** Bytes that are gathered before they are handed on: the families of many hosts are small. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Hands on what is written in chunks worth sending, and gives the event loop its turn every few milliseconds. Whoever writes
 * yields often, an empty chunk if need be.
 */
export async function* paced(chunks: Iterable<Buffer>): AsyncGenerator<Buffer> {
  let sliceEnd = performance.now() + SLICE_MS;
  let gathered: Buffer[] = [];
  let bytes = 0;
  for (const chunk of chunks) {
    gathered.push(chunk);
    bytes += chunk.length;
    if (bytes >= CHUNK_BYTES) {
      yield gathered.length === 1 ? chunk : Buffer.concat(gathered);
      gathered = [];
      bytes = 0;
    }
    if (performance.now() < sliceEnd) continue;
    await new Promise(setImmediate);
    sliceEnd = performance.now() + SLICE_MS;
  }
  if (bytes > 0) yield Buffer.concat(gathered);
}
