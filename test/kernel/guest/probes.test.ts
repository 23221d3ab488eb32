import { describeWithSonde } from '../../harness/kernel-sonde.js';
import type { Aim } from '../../harness/probe-folder.js';
import { AcceptNetwork, acceptLatencyTests } from '../probes/accept-latency.js';
import { biolatencyTests, Disks } from '../probes/biolatency.js';
import { bpfJitTests } from '../probes/bpf-jit.js';
import { CachedDisk, cachestatTests } from '../probes/cachestat.js';
import { cgroupTests } from '../probes/cgroup.js';
import { llcstatTests } from '../probes/llcstat.js';
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
  'llcstat',
  'bpf-jit',
  'cachestat',
  'accept-latency',
];
const disks = new Disks();
const acceptNetwork = new AcceptNetwork();
const cachedDisk = new CachedDisk();
const callingCgroups = new CallingCgroups();
const aims = (): Readonly<Record<string, Aim>> => ({
  'accept-latency': acceptNetwork.aim,
  cachestat: cachedDisk.aim,
  syscalls: callingCgroups.aim,
});

/** Run by `../vm.test.ts` in guests, whose kernels have what the machine's own may lack: fentry, netem. */
describeWithSonde(
  'all probes',
  {
    names: PROBES,
    variants: { 'tcp-retransmit': 'fentry', 'accept-latency': 'fexit', cachestat: 'fentry' },
    fixtures: [disks, acceptNetwork, cachedDisk, callingCgroups],
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
    bpfJitTests(sonde);
    llcstatTests(sonde);
    acceptLatencyTests(sonde, acceptNetwork);
    cachestatTests(sonde, cachedDisk, { seesAccess: true });
  },
);

// The others take the same path but for how they see one thing.
describeWithSonde(
  'last variants',
  {
    names: ['tcp-retransmit', 'accept-latency', 'cachestat'],
    variants: { 'tcp-retransmit': 'tp_btf', 'accept-latency': 'sys_exit', cachestat: 'tracepoint' },
    fixtures: [acceptNetwork, cachedDisk, callingCgroups],
    aims,
  },
  (sonde) => {
    tcpRetransmitTests(sonde, { netem: true, onlyType: true });
    acceptLatencyTests(sonde, acceptNetwork);
    cachestatTests(sonde, cachedDisk, { seesAccess: false });
  },
);

describeWithSonde(
  'kprobe variants',
  {
    names: ['accept-latency', 'cachestat'],
    variants: { 'accept-latency': 'kretprobe', cachestat: 'kprobe' },
    fixtures: [acceptNetwork, cachedDisk, callingCgroups],
    aims,
  },
  (sonde) => {
    acceptLatencyTests(sonde, acceptNetwork);
    cachestatTests(sonde, cachedDisk, { seesAccess: true });
  },
);
