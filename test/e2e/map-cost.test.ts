import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { configFolder, startSonde } from '../harness/sonde.js';
import { select } from '../harness/kernel-metrics.js';

const ROWS = 200_000;
/** What `map-reader.ts` reads with one call. */
const ROWS_A_CALL = 16_384;
const YAML = `metrics:
  counters:
    - name: test_many_total
      help: 200,000 rows
      labels: [{name: row, size: 4, decoders: [{name: uint}]}]
`;

test('a scrape of 200,000 rows asks the kernel once for each 16,384', async (t) => {
  const folder = configFolder(t, { many: { yaml: YAML, object: 'kinds' } });
  // The interval poll is as rare as can be: what is counted is the scrape's own.
  const sonde = await startSonde(t, ['--config.dir', folder, '--poll-interval', '3600']);
  await sonde.scrape();
  const calls = await bpfCalls(sonde.pid, async () => {
    assert.equal(select(await sonde.scrape(), 'ebpf_exporter_test_many_total').length, ROWS);
  });
  const reads = calls.filter((name) => name.includes('BATCH')).length;
  const atLeast = Math.ceil(ROWS / ROWS_A_CALL);
  t.diagnostic(`${calls.length} calls, ${reads} of them batches`);
  // One more may say that the end is reached; programs' run statistics are a few calls each.
  assert.ok(reads >= atLeast && reads <= atLeast + 1, `${reads} batches`);
  assert.ok(calls.length <= reads + 10, calls.join(' '));
});

/** The commands of the bpf() calls that a process makes while `work` runs. */
async function bpfCalls(pid: number, work: () => Promise<void>): Promise<string[]> {
  const strace = spawn('strace', ['-f', '-e', 'trace=bpf', '-p', String(pid)], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  strace.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(strace, 'close');
  try {
    await Promise.race([attached(), ended.then(() => Promise.reject(new Error(`strace ended: ${said}`)))]);
    await work();
  } finally {
    strace.kill('SIGINT');
    await ended;
  }
  return [...said.matchAll(/\bbpf\((\w+)/g)].map(([, name]) => name!);

  async function attached(): Promise<void> {
    while (!/ attached\b/.test(said)) await once(strace.stderr, 'data');
  }
}
