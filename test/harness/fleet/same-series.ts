import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

const TIMEOUT_MS = 120_000;

/**
 * Waits until an aggregator shows of a host what `sonde run` shows on it now: the same lines of the metrics of test programs.
 * @param here address of `sonde run`, there that of the aggregator. `instance`: the host's name.
 * @param output what to say when they never are the same.
 */
export async function untilSame(
  here: string,
  there: string,
  instance: string,
  output: () => string,
): Promise<string[]> {
  const wanted = series(await textOf(here));
  await untilShown(there, wanted, output, instance);
  return wanted;
}

/** Waits until these lines, sorted, are all that is shown of the metrics of test programs; with `instance`, of that host. */
export async function untilShown(
  url: string,
  wanted: readonly string[],
  output: () => string,
  instance?: string,
): Promise<void> {
  const deadline = Date.now() + TIMEOUT_MS;
  for (;;) {
    // A busy machine may not answer in time: it is asked again.
    const found = series(await textOf(url).catch(String), instance);
    if (found.join('\n') === wanted.join('\n')) return;
    if (Date.now() > deadline) assert.deepEqual(found, wanted, output());
    await sleep(500);
  }
}

async function textOf(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}

/** Lines of the test programs' metrics, sorted; of one host of an aggregator, without its label. */
function series(text: string, instance?: string): string[] {
  const label = new RegExp(instance === undefined ? '' : `instance="${instance}",?`);
  return text
    .split('\n')
    .filter((line) => line.startsWith('ebpf_exporter_test_') && label.test(line))
    .map((line) => line.replace(label, '').replace('{}', ''))
    .sort();
}
