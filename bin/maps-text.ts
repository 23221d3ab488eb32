import type { Aggregator } from '../aggregator/aggregator.js';
import type { MapChunk } from '../collector/source/map-chunk.js';

/** What the metrics of a map make of the key at `keys[offset…]`, as text. */
export type DescribeKey = (chunk: MapChunk, offset: number) => readonly string[];

/** As the aggregator of this process decodes it, which has one host. */
export function describeKey(aggregator: Pick<Aggregator, 'shownHosts'>): DescribeKey {
  return ({ configId, mapId, keys }, offset) =>
    aggregator.shownHosts().flatMap((host) => host.describeKey(configId, mapId, keys, offset));
}

/**
 * What `/maps` shows: for each map a heading, and for each row and metric a line of the raw key in hex, the labels and the value.
 * @param describe left out where labels are not decoded in this process.
 */
export async function* mapsText(chunks: AsyncIterable<MapChunk>, describe?: DescribeKey): AsyncGenerator<Buffer> {
  let place = '';
  for await (const chunk of chunks) {
    const { config, map, type, maxEntries } = chunk;
    const lines: string[] = [];
    if (place !== `${config}/${map}`) {
      lines.push(`# ${config}: ${map}, ${type} of ${maxEntries} entries at most`);
      place = `${config}/${map}`;
    }
    for (let row = 0; row < chunk.count; row++) lines.push(...rowLines(chunk, row, describe));
    yield Buffer.from(`${lines.join('\n')}\n`);
  }
}

function rowLines(chunk: MapChunk, row: number, describe: DescribeKey | undefined): string[] {
  const { keys, keySize, values, valueSize } = chunk;
  const key = Buffer.from(keys.buffer, keys.byteOffset + row * keySize, keySize).toString('hex');
  const value = valueText(values.subarray(row * valueSize, (row + 1) * valueSize));
  const described = describe?.(chunk, row * keySize) ?? [];
  return described.length === 0 ? [`${key} ${value}`] : described.map((text) => `${key} ${text} ${value}`);
}

/** Numbers of 8 bytes as they are counted; anything else in hex. */
function valueText(value: Uint8Array): string {
  if (value.length % 8 !== 0) return Buffer.from(value).toString('hex');
  return [...new BigUint64Array(value.slice().buffer)].join(' ');
}
