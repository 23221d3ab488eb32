import { AimedNetwork } from '../../harness/aimed-network.js';
import { describeWithSonde } from '../../harness/kernel-sonde.js';
import type { Aim } from '../../harness/probe-folder.js';
import { acceptLatencyTests } from '../probes/accept-latency.js';
import { biolatencyTests, Disks } from '../probes/biolatency.js';
import { bpfJitTests } from '../probes/bpf-jit.js';
import { CachedDisk, cachestatTests } from '../probes/cachestat.js';
import { cfsThrottlingTests } from '../probes/cfs-throttling.js';
import { cgroupTests } from '../probes/cgroup.js';
import { kfreeSkbTests } from '../probes/kfree_skb.js';
import { llcstatTests } from '../probes/llcstat.js';
import { oomkillTests } from '../probes/oomkill.js';
import { percpuSoftirqTests } from '../probes/percpu-softirq.js';
import { softirqLatencyTests } from '../probes/softirq-latency.js';
import { tcpRetransmitTests } from '../probes/tcp-retransmit.js';
import { CallingCgroups, syscallsTests } from '../probes/syscalls.js';
import { rawTracepointsTests, timersTests } from '../probes/timers.js';

const PROBES = [
  'tcp-retransmit',
  'timers',
  'biolatency',
  'softirq-latency',
  'raw-tracepoints',
  'percpu-softirq',
  'syscalls',
  'cgroup',
  'cfs-throttling',
  'oomkill',
  'kfree_skb',
  'llcstat',
  'bpf-jit',
  'cachestat',
  'accept-latency',
];
const disks = new Disks();
const aimedNetwork = new AimedNetwork();
const cachedDisk = new CachedDisk();
const callingCgroups = new CallingCgroups();
const aims = (): Readonly<Record<string, Aim>> => ({
  'accept-latency': aimedNetwork.aim,
  kfree_skb: aimedNetwork.aim,
  cachestat: cachedDisk.aim,
  syscalls: callingCgroups.aim,
});

/** Run by `../vm.test.ts` in guests, whose kernels have what the machine's own may lack: fentry, netem. */
describeWithSonde(
  'all probes',
  {
    names: PROBES,
    variants: {
      'tcp-retransmit': 'fentry',
      'accept-latency': 'fexit',
      cachestat: 'fentry',
      'cfs-throttling': 'fentry',
      oomkill: 'fentry',
    },
    fixtures: [disks, aimedNetwork, cachedDisk, callingCgroups],
    aims,
  },
  (sonde) => {
    tcpRetransmitTests(sonde, { netem: true });
    timersTests(sonde);
    rawTracepointsTests(sonde);
    biolatencyTests(sonde, disks);
    softirqLatencyTests(sonde);
    percpuSoftirqTests(sonde);
    syscallsTests(sonde, callingCgroups);
    cgroupTests(sonde);
    cfsThrottlingTests(sonde);
    oomkillTests(sonde);
    bpfJitTests(sonde);
    llcstatTests(sonde);
    kfreeSkbTests(sonde, aimedNetwork);
    acceptLatencyTests(sonde, aimedNetwork);
    cachestatTests(sonde, cachedDisk, { seesAccess: true });
  },
);

// The others take the same path but for how they see one thing.
describeWithSonde(
  'last variants',
  {
    names: ['tcp-retransmit', 'accept-latency', 'cachestat'],
    variants: { 'tcp-retransmit': 'tp_btf', 'accept-latency': 'sys_exit', cachestat: 'tracepoint' },
    fixtures: [aimedNetwork, cachedDisk, callingCgroups],
    aims,
  },
  (sonde) => {
    tcpRetransmitTests(sonde, { netem: true, onlyType: true });
    acceptLatencyTests(sonde, aimedNetwork);
    cachestatTests(sonde, cachedDisk, { seesAccess: false });
  },
);

describeWithSonde(
  'kprobe variants',
  {
    names: ['accept-latency', 'cachestat', 'cfs-throttling', 'oomkill'],
    variants: { 'accept-latency': 'kretprobe', cachestat: 'kprobe', 'cfs-throttling': 'kprobe', oomkill: 'kprobe' },
    fixtures: [aimedNetwork, cachedDisk, callingCgroups],
    aims,
  },
  (sonde) => {
    acceptLatencyTests(sonde, aimedNetwork);
    cachestatTests(sonde, cachedDisk, { seesAccess: true });
    cfsThrottlingTests(sonde);
    oomkillTests(sonde);
  },
);
