import { AimedNetwork } from '../harness/aimed-network.js';
import { describeWithSonde } from '../harness/kernel-sonde.js';
import { acceptLatencyTests } from './probes/accept-latency.js';
import { biolatencyTests, Disks } from './probes/biolatency.js';
import { bpfJitTests } from './probes/bpf-jit.js';
import { CachedDisk, cachestatTests } from './probes/cachestat.js';
import { cfsThrottlingRefusedTests } from './probes/cfs-throttling.js';
import { cgroupTests } from './probes/cgroup.js';
import { kfreeSkbTests } from './probes/kfree_skb.js';
import { llcstatTests } from './probes/llcstat.js';
import { oomkillTests } from './probes/oomkill.js';
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
  'cfs-throttling',
  'cgroup',
  'kfree_skb',
  'llcstat',
  'oomkill',
  'percpu-softirq',
  'raw-tracepoints',
  'softirq-latency',
  'syscalls',
  'tcp-retransmit',
  'timers',
];
const disks = new Disks();
const aimedNetwork = new AimedNetwork();
const cachedDisk = new CachedDisk();
const callingCgroups = new CallingCgroups();

/** The probes on the kernel that this machine runs, whatever it is, among whatever else it does. */
describeWithSonde(
  "on this machine's kernel",
  {
    names: PROBES,
    fixtures: [disks, aimedNetwork, cachedDisk, callingCgroups],
    aims: () => ({
      'accept-latency': aimedNetwork.aim,
      kfree_skb: aimedNetwork.aim,
      cachestat: cachedDisk.aim,
      syscalls: callingCgroups.aim,
    }),
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
    cfsThrottlingRefusedTests(sonde);
    oomkillTests(sonde);
    bpfJitTests(sonde);
    llcstatTests(sonde);
    kfreeSkbTests(sonde, aimedNetwork);
    acceptLatencyTests(sonde, aimedNetwork);
    cachestatTests(sonde, cachedDisk, { seesAccess: false });
  },
);
