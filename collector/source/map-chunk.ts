import type { MapPoller } from './map-poller.js';

/** Rows that are handed over at once, so that who shows them need not hold all. */
const CHUNK_ROWS = 1024;

/** Some rows of a map as the kernel has them now, for people to look at. */
export interface MapChunk {
  readonly config: string;
  /** Config and map as frames number them. */
  readonly configId: number;
  readonly mapId: number;
  readonly map: string;
  readonly type: string;
  readonly maxEntries: number;
  readonly count: number;
  readonly keys: Uint8Array;
  readonly keySize: number;
  readonly values: Uint8Array;
  readonly valueSize: number;
}

/**
 * Reads a map beside its poller, which notices nothing. An empty map is one chunk without rows. Buffers are valid until the next.
 * Throws a NativeError when the map cannot be read, or is closed meanwhile.
 */
export async function* mapChunks(
  poller: MapPoller,
  { config, configId, mapId }: Pick<MapChunk, 'config' | 'configId' | 'mapId'>,
): AsyncGenerator<MapChunk> {
  const { name: map, type, maxEntries, keySize } = poller;
  const reader = poller.openReader(CHUNK_ROWS);
  const place = { config, configId, mapId, map, type, maxEntries, keySize, valueSize: reader.valueStride };
  try {
    let count = await reader.next();
    do {
      yield { ...place, count, keys: reader.keys, values: reader.values };
      count = count === 0 ? 0 : await reader.next();
    } while (count > 0);
  } finally {
    reader.close();
  }
}
