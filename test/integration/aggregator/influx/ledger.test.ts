import assert from 'node:assert/strict';
import test from 'node:test';
import { missing } from '../../../../bin/ledger/ledger.js';
import type { Fault } from '../../../harness/fault-proxy.js';
import { batchOf, bench, influxRow, point, TIME } from '../../../harness/influx-bench.js';
import { until } from '../../../harness/until.js';

test('the ledger adds up at every moment, whatever the server answers, over a full queue and a new start', async (t) => {
  const { influx, proxy, registry, letters, start } = await bench(t);
  const first = await start({ maxBytes: 16 * 1024 });
  let looks = 0;
  let isOver = false;
  const watch = (async () => {
    for (; !isOver; looks++) {
      const row = await influxRow(registry);
      assert.equal(missing(row), 0n, `look ${looks}: ${JSON.stringify({ ...row, lost: [...row.lost] }, asText)}`);
      await new Promise(setImmediate);
    }
  })();
  const faults: readonly Fault[] = ['pass', { status: 503 }, 'reset', { status: 413 }, 'pass', 'reset-after'];
  let request = 0;
  proxy.fault = () => faults[request++ % faults.length]!;
  for (let n = 0; n < 60; n++) {
    const bad = n % 5 === 0 ? [`m value= ${TIME}`] : [];
    await first.submit(batchOf(...bad, ...Array.from({ length: 20 }, (_, i) => point(n * 20 + i))));
    await first.refuse({ ...batchOf(point(n, 'refused')), reason: 'beyond_int64' });
    if (n === 30) proxy.fault = { status: 503 };
    if (n % 10 === 0) await first.settled();
  }
  await first.settled();
  // 60 batches of 20, a bad line in each fifth, and 60 refused: some of the oldest had to make room.
  assert.equal((await influxRow(registry)).in, 1272n);
  assert.ok((await influxRow(registry)).lost.get('dead letter queue_full')! > 0n);
  await first.close();
  const waiting = (await influxRow(registry)).waiting;
  assert.ok(waiting > 0n);

  const second = await start({ maxBytes: 16 * 1024 });
  assert.equal((await influxRow(registry)).in, waiting);
  proxy.fault = 'pass';
  await until(async () => (await influxRow(registry)).waiting === 0n, 'the rest to be written');
  isOver = true;
  await watch;
  assert.ok(looks > 100);
  const written = (await influx.query('SELECT value, n FROM m')).map(({ n }) => n!);
  const dead = (await letters()).flatMap(({ lines }) => [...lines.matchAll(/^m,n=(\d+) /gm)].map(([, n]) => n!));
  assert.equal(new Set([...written, ...dead]).size, 1200, 'each good point is written, or in a dead letter');
  assert.equal(second.stats.lost.size, 0);
});

function asText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
