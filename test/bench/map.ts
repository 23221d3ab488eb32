// Reading a hash of 100,000 rows through MapReader, against C with bpf_map_lookup_batch and C with get_next_key + lookup.
import { native, type MapReader } from '../../native/index.js';
import { compileFixture } from '../harness/compile-bpf.js';
import { findMap, u32, u64 } from '../harness/native-assert.js';
import { interleave, median, report, timed } from './bench.js';
import { NativeBaseline } from './native-baseline.js';

const ROWS = 100_000;
const ROUNDS = 21;

const object = native.open(compileFixture('maps'));
const map = findMap(object, 'hash');
map.maxEntries = ROWS;
object.load();
for (let i = 0; i < ROWS; i++) map.update(u32(i), u64(BigInt(i)));
const reader = map.openReader();
const baseline = new NativeBaseline(map.id);

function requireAll(rows: number, who: string): void {
  if (rows !== ROWS) throw new Error(`${who} read ${rows} of ${ROWS} rows`);
}

function readSync(from: MapReader): number {
  let total = 0;
  const ns = timed(() => {
    for (let rows = from.nextSync(); rows > 0; rows = from.nextSync()) total += rows;
  });
  requireAll(total, 'nextSync');
  return ns / ROWS;
}

async function readOnPool(from: MapReader): Promise<number> {
  let total = 0;
  const start = process.hrtime.bigint();
  for (let rows = await from.next(); rows > 0; rows = await from.next()) total += rows;
  const ns = Number(process.hrtime.bigint() - start);
  requireAll(total, 'next');
  return ns / ROWS;
}

async function inC(command: 'batch' | 'walk'): Promise<number> {
  const { ns, count } = await baseline.run(command);
  requireAll(count, `C ${command}`);
  return ns / ROWS;
}

const samples = await interleave(
  {
    'C batch': () => inC('batch'),
    'MapReader.nextSync': () => readSync(reader),
    'MapReader.next, on the pool': () => readOnPool(reader),
    'C get_next_key + lookup': () => inC('walk'),
  },
  ROUNDS,
);
baseline.close();
object.close();

const rows = Object.entries(samples).map(([how, values]) => ({ how, 'ns a row': median(values).toFixed(1) }));
const batch = median(samples['C batch']);
const own = median(samples['MapReader.nextSync']);
report({
  bench: 'map',
  rows,
  checks: [
    { name: 'against C in batches', ratio: own / batch, goal: 1.2, kind: 'cost' },
    {
      name: 'on the pool, against C in batches',
      ratio: median(samples['MapReader.next, on the pool']) / batch,
      goal: 1.2,
      kind: 'cost',
    },
    { name: 'over C key by key', ratio: median(samples['C get_next_key + lookup']) / own, goal: 4, kind: 'gain' },
  ],
});
