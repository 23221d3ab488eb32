import { describeWithSonde } from '../harness/kernel-sonde.js';
import { AcceptNetwork, acceptLatencyTests } from './probes/accept-latency.js';
import { biolatencyTests, Disks } from './probes/biolatency.js';
import { bpfJitTests } from './probes/bpf-jit.js';
import { CachedDisk, cachestatTests } from './probes/cachestat.js';
import { cgroupTests } from './probes/cgroup.js';
import { llcstatTests } from './probes/llcstat.js';
import { percpuSoftirqTests } from './probes/percpu-softirq.js';
import { softirqLatencyTests } from './probes/softirq-latency.js';
import { tcpRetransmitTests } from './probes/tcp-retransmit.js';
import { CallingCgroups, syscallsTests } from './probes/syscalls.js';
import { rawTracepointsTests, timersTests } from './probes/timers.js';

const PROBES = [
  'accept-latency',
  'biolatency',
  'bpf-jit',
  'cachestat',
  'cgroup',
  'llcstat',
  'percpu-softirq',
  'raw-tracepoints',
  'softirq-latency',
  'syscalls',
  'tcp-retransmit',
  'timers',
];
const disks = new Disks();
const acceptNetwork = new AcceptNetwork();
const cachedDisk = new CachedDisk();
const callingCgroups = new CallingCgroups();

/** The probes on the kernel that this machine runs, whatever it is, among whatever else it does. */
describeWithSonde(
  "on this machine's kernel",
  {
    names: PROBES,
    fixtures: [disks, acceptNetwork, cachedDisk, callingCgroups],
    aims: () => ({ 'accept-latency': acceptNetwork.aim, cachestat: cachedDisk.aim, syscalls: callingCgroups.aim }),
  },
  (sonde) => {
    tcpRetransmitTests(sonde, { netem: false, mayMiss: true });
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
    cachestatTests(sonde, cachedDisk, { seesAccess: false });
  },
);
