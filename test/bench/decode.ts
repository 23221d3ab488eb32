/**
 * Rows of 1 M known keys, from the bytes of a map read to the series that they count in: through the collector's row tracker and
 * the aggregator's row state, in stable order (as a map is read again and again) and in random order, against a Map keyed by
 * the key as a string.
 */
import { Facts } from '../../aggregator/decode/facts.js';
import { Family } from '../../aggregator/series/family.js';
import { MapRowsState } from '../../aggregator/series/map-rows.js';
import { RowDecoder } from '../../aggregator/series/row-decoder.js';
import { RowColumns } from '../../collector/source/row-columns.js';
import { RowTracker } from '../../collector/source/row-tracker.js';
import { FRAME_TARGET_BYTES, unpackU32 } from '../../wire/frame.js';
import { WHOLE_U64 } from '../../wire/layout/value.js';
import { randomInteger, seededRandom } from '../../lib/random.js';
import { cpuSeconds, interleave, median, report } from './bench.js';

const ROWS = 1_000_000;
const KEY_SIZE = 16;

/** One read of the map: keys and values as the addon hands them over. */
interface Read {
  readonly keys: Uint8Array;
  readonly values: Uint32Array;
}

function makeRead(order: Uint32Array): Read {
  const keys = new Uint8Array(ROWS * KEY_SIZE);
  const view = new DataView(keys.buffer);
  order.forEach((id, row) => {
    view.setUint32(row * KEY_SIZE, 0x0a000000 + id);
    view.setUint32(row * KEY_SIZE + 4, Math.imul(id, 0x9e3779b1));
    view.setUint16(row * KEY_SIZE + 8, id & 0xffff);
    view.setUint32(row * KEY_SIZE + 12, id % 7, true);
  });
  return { keys, values: new Uint32Array(ROWS * 2) };
}

function shuffled(): Uint32Array {
  const random = seededRandom(1);
  const order = Uint32Array.from({ length: ROWS }, (_, i) => i);
  for (let i = ROWS - 1; i > 0; i--) {
    const j = randomInteger(random, i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** Sonde's way: what `sonde run` does with a read, without encoding the frames. */
class Ours {
  readonly #tracker = new RowTracker({
    keySize: KEY_SIZE,
    valueSize: 8,
    rising: [WHOLE_U64],
    maxVanished: ROWS,
  });
  readonly #columns = new RowColumns(KEY_SIZE, 8, FRAME_TARGET_BYTES);
  readonly #family = new Family({ name: 'm', help: '', type: 'counter', labels: ['key'] }, { cap: 2 * ROWS });
  readonly #state = new MapRowsState(
    new RowDecoder(this.#family, [
      {
        name: 'key',
        offset: 0,
        size: KEY_SIZE,
        type: null,
        decoders: [{ name: 'hex', allowUnknown: false, regexps: [] }],
      },
    ]),
  );
  readonly #context = { facts: new Facts(1), littleEndian: true, arch: 'x86_64' };

  take({ keys, values }: Read): void {
    this.#tracker.beginSweep();
    for (let row = 0; row < ROWS;) {
      row = this.#tracker.take({ keys, values, count: ROWS }, row, false, this.#columns);
      if (!this.#columns.hasRoom()) this.#flush();
    }
    this.#tracker.endSweep();
    this.#flush();
  }

  /** Sum of all series: shows that every row was counted. */
  total(): bigint {
    let total = 0n;
    for (let series = 0; series < this.#family.size; series++) total += this.#family.cells.get(series);
    return total;
  }

  #flush(): void {
    const { slots, generations, keys, values, vanished } = this.#columns.message();
    this.#state.apply(
      {
        count: this.#columns.count,
        slots: unpackU32(slots),
        generations: unpackU32(generations),
        keys,
        keySize: KEY_SIZE,
        values,
        valueSize: 8,
        vanished,
      },
      this.#context,
    );
    this.#tracker.acknowledge(this.#columns);
    this.#columns.clear();
  }
}

/** The usual way: a Map keyed by the key's bytes as a latin1 string. */
class StringMap {
  readonly #rows = new Map<string, number>();
  readonly #values = new Float64Array(ROWS);

  take({ keys, values }: Read): void {
    const buffer = Buffer.from(keys.buffer);
    for (let row = 0; row < ROWS; row++) {
      const key = buffer.toString('latin1', row * KEY_SIZE, (row + 1) * KEY_SIZE);
      let id = this.#rows.get(key);
      if (id === undefined) this.#rows.set(key, (id = this.#rows.size));
      this.#values[id] = values[row * 2]! + values[row * 2 + 1]! * 2 ** 32;
    }
  }

  total(): bigint {
    return BigInt(this.#values.reduce((sum, value) => sum + value, 0));
  }
}

const stable = makeRead(Uint32Array.from({ length: ROWS }, (_, i) => i));
const random = makeRead(shuffled());
const ours = new Ours();
const stringMap = new StringMap();
let value = 0;

/** All rows have risen since the last read: the hardest case. */
function raise(read: Read): Read {
  value++;
  for (let row = 0; row < ROWS; row++) read.values[row * 2] = value;
  return read;
}

async function measure(contestant: Ours | StringMap, read: Read): Promise<number> {
  raise(read);
  return cpuSeconds(() => contestant.take(read));
}

ours.take(raise(stable));
stringMap.take(stable);
const samples = await interleave(
  {
    'sonde, stable order': () => measure(ours, stable).then(() => measure(ours, stable)),
    'sonde, random order': () => measure(ours, random),
    'Map keyed by string': () => measure(stringMap, random),
  },
  5,
);
for (const contestant of [ours, stringMap]) {
  contestant.take(raise(stable));
  if (contestant.total() !== BigInt(value) * BigInt(ROWS)) throw new Error('rows were lost');
}
const baseline = median(samples['Map keyed by string']);
report({
  bench: 'decode',
  rows: Object.entries(samples).map(([how, seconds]) => ({
    '1 M known keys, all values new': how,
    'CPU ns a row': ((median(seconds) * 1e9) / ROWS).toFixed(0),
  })),
  checks: [
    { name: 'random order', ratio: baseline / median(samples['sonde, random order']), goal: 2.5, kind: 'gain' },
    { name: 'stable order', ratio: baseline / median(samples['sonde, stable order']), goal: 15, kind: 'gain' },
  ],
});
