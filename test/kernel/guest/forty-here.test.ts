import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { AggregatorProcess } from '../../harness/fleet/processes.js';
import { runSonde } from '../../harness/sonde.js';
import { startKafka } from '../../services/kafka.js';
import { writePciIds } from '../format/decoders.js';
import { fortyTests } from '../format/forty.js';

const NO_KPROBES = 'no kprobes in this kernel';
const NOT_PERMITTED = 'is not permitted by this kernel';
/** What a kernel does not take that has no kprobes and permits no trampolines. */
const REFUSED = {
  'fentry/by_fentry': `fentry ${NOT_PERMITTED}`,
  'fexit/by_fexit': `fexit ${NOT_PERMITTED}`,
  'fmod-ret/by_fmod_ret': `fmod_ret ${NOT_PERMITTED}`,
  'inode-storage/on_open': `lsm ${NOT_PERMITTED}`,
  'kprobe-multi/by_kprobe_multi': NO_KPROBES,
  'kprobe-multi/by_kretprobe_multi': NO_KPROBES,
  'kprobe/by_kprobe': NO_KPROBES,
  'kprobe/by_kretprobe': NO_KPROBES,
  'ksyscall/by_kretsyscall': NO_KPROBES,
  'ksyscall/by_ksyscall': NO_KPROBES,
  'lsm/by_lsm': `lsm ${NOT_PERMITTED}`,
};

/** Run by `../forty.test.ts` in namespaces of their own. A machine's kernel that has kprobes is taken to have all kinds. */
writePciIds();
fortyTests(existsSync('/sys/bus/event_source/devices/kprobe') ? {} : REFUSED, async (t) => {
  const kafka = await startKafka(t);
  const brokers = ['--kafka.brokers', kafka.brokers[0]!];
  assert.equal((await runSonde(['topics', 'create', ...brokers])).status, 0);
  const { url } = await AggregatorProcess.serving(t, brokers);
  return { broker: kafka.brokers[0]!, aggregator: url, instance: 'db-1.example' };
});
