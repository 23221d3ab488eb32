// Drain of a ring buffer into the arena with one call of JavaScript a batch, against a C consumer that only counts.
import { BPF_RB_NO_WAKEUP, EventFixture } from '../harness/event-fixture.js';
import { interleave, median, report, timed, type Check } from './bench.js';
import { NativeBaseline } from './native-baseline.js';

const RING_BYTES = 16 << 20;
const RECORDS = 50_000;
const ROUNDS = 25;
/** Rings opened anew: where their pages happen to lie in the caches makes up to a third of difference. */
const RINGS = 4;
const GOALS = new Map([
  [64, 2],
  [256, 3],
]);

interface Samples {
  readonly c: number[];
  readonly native: number[];
}

/** Nanoseconds a record of both consumers, in turns, on one ring. */
async function measure(bytes: number): Promise<Samples> {
  const fixture = new EventFixture('write_ring', RING_BYTES);
  const ring = fixture.map('ring');
  const baseline = new NativeBaseline(ring.id);
  let delivered = 0;
  const reader = ring.openRing({ onBatch: (batch) => (delivered += batch.count) });

  const fill = (): void => {
    const refused = fixture.emit({ records: RECORDS, bytes, flags: BPF_RB_NO_WAKEUP });
    if (refused > 0) throw new Error(`the ring had no room for ${refused} records`);
  };
  const drain = (): number => {
    fill();
    delivered = 0;
    const ns = timed(() => {
      while (reader.drain());
    });
    if (delivered !== RECORDS) throw new Error(`${delivered} of ${RECORDS} records arrived`);
    return ns / RECORDS;
  };
  const consumeInC = async (): Promise<number> => {
    fill();
    const { ns, count } = await baseline.run('ring');
    if (count !== RECORDS) throw new Error(`the C consumer counted ${count} of ${RECORDS} records`);
    return ns / RECORDS;
  };

  const samples = await interleave({ c: consumeInC, native: drain }, ROUNDS);
  baseline.close();
  fixture.object.close();
  return samples;
}

const rows = [];
const checks: Check[] = [];
for (const [bytes, goal] of GOALS) {
  const rings: Samples[] = [];
  for (let i = 0; i < RINGS; i++) rings.push(await measure(bytes));
  const c = median(rings.flatMap((samples) => samples.c));
  const native = median(rings.flatMap((samples) => samples.native));
  rows.push({ record: `${bytes} B`, 'C, counts only: ns': c.toFixed(1), 'native drain: ns': native.toFixed(1) });
  checks.push({ name: `drain of ${bytes} B records`, ratio: native / c, goal, kind: 'cost' });
}
report({ bench: 'ring', rows, checks });
