// Drain of a ring buffer into the arena with one call of JavaScript a batch, against a C consumer that only counts.
import { EventFixture, BPF_RB_NO_WAKEUP } from '../harness/event-fixture.js';
import { interleave, median, report, timed, type Check } from './bench.js';
import { NativeBaseline } from './native-baseline.js';

const RING_BYTES = 16 << 20;
const RECORDS = 50_000;
const ROUNDS = 41;
const GOALS = new Map([
  [64, 2],
  [256, 3],
]);

const fixture = new EventFixture('write_ring', RING_BYTES);
const ring = fixture.map('ring');
let delivered = 0;
const reader = ring.openRing({ onBatch: (batch) => (delivered += batch.count) });
const baseline = new NativeBaseline(ring.id);

function fill(bytes: number): void {
  const refused = fixture.emit({ records: RECORDS, bytes, flags: BPF_RB_NO_WAKEUP });
  if (refused > 0) throw new Error(`the ring had no room for ${refused} records`);
}

function drain(bytes: number): number {
  fill(bytes);
  delivered = 0;
  const ns = timed(() => {
    while (reader.drain());
  });
  if (delivered !== RECORDS) throw new Error(`${delivered} of ${RECORDS} records arrived`);
  return ns / RECORDS;
}

async function consumeInC(bytes: number): Promise<number> {
  fill(bytes);
  const { ns, count } = await baseline.run('ring');
  if (count !== RECORDS) throw new Error(`the C consumer counted ${count} of ${RECORDS} records`);
  return ns / RECORDS;
}

const rows = [];
const checks: Check[] = [];
for (const [bytes, goal] of GOALS) {
  const samples = await interleave({ c: () => consumeInC(bytes), native: () => drain(bytes) }, ROUNDS);
  const c = median(samples.c);
  const native = median(samples.native);
  rows.push({ record: `${bytes} B`, 'C, counts only: ns': c.toFixed(1), 'native drain: ns': native.toFixed(1) });
  checks.push({ name: `drain of ${bytes} B records`, ratio: native / c, goal, kind: 'cost' });
}
baseline.close();
fixture.object.close();
report({ bench: 'ring', rows, checks });
