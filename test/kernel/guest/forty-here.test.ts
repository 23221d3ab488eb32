import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { AggregatorProcess } from '../../harness/fleet/processes.js';
import { runSonde } from '../../harness/sonde.js';
import { startKafka } from '../../services/kafka.js';
import { writePciIds } from '../format/decoders.js';
import { fortyTests } from '../format/forty.js';

/** Programs of the configs that a kernel without kprobes and without trampolines (fentry, fexit, fmod_ret, lsm) does not take. */
const WITHOUT_PROBES = Object.fromEntries([
  ...['kprobe/by_kprobe', 'kprobe/by_kretprobe', 'kprobe-multi/by_kprobe_multi', 'kprobe-multi/by_kretprobe_multi']
    .concat('ksyscall/by_ksyscall', 'ksyscall/by_kretsyscall')
    .map((program) => [program, 'no kprobes in this kernel']),
  ['fentry/by_fentry', refused('fentry')],
  ['fexit/by_fexit', refused('fexit')],
  ['fmod-ret/by_fmod_ret', refused('fmod_ret')],
  ['lsm/by_lsm', refused('lsm')],
  ['inode-storage/on_open', refused('lsm')],
]) as Record<string, string>;

/** Run by `../forty.test.ts` in namespaces of their own. */
writePciIds();
fortyTests(existsSync('/sys/bus/event_source/devices/kprobe') ? {} : WITHOUT_PROBES, async (t) => {
  const kafka = await startKafka(t);
  const brokers = ['--kafka.brokers', kafka.brokers[0]!];
  assert.equal((await runSonde(['topics', 'create', ...brokers])).status, 0);
  const { url } = await AggregatorProcess.serving(t, brokers);
  return { broker: kafka.brokers[0]!, aggregator: url, instance: 'db-1.example' };
});

function refused(kind: string): string {
  return `${kind} is not permitted by this kernel`;
}
