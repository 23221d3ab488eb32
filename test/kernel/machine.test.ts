import { describeWithSonde } from '../harness/kernel-sonde.js';
import { biolatencyTests, Disks } from './probes/biolatency.js';
import { cgroupTests } from './probes/cgroup.js';
import { softirqLatencyTests } from './probes/softirq-latency.js';
import { tcpRetransmitTests } from './probes/tcp-retransmit.js';
import { rawTracepointsTests, timersTests } from './probes/timers.js';

const PROBES = ['biolatency', 'cgroup', 'raw-tracepoints', 'softirq-latency', 'tcp-retransmit', 'timers'];
const disks = new Disks();

/** The probes on the kernel that this machine runs, whatever it is, among whatever else it does. */
describeWithSonde("on this machine's kernel", { names: PROBES, fixtures: [disks] }, (sonde) => {
  tcpRetransmitTests(sonde, { netem: false, mayMiss: true });
  timersTests(sonde);
  rawTracepointsTests(sonde);
  biolatencyTests(sonde, disks);
  softirqLatencyTests(sonde);
  cgroupTests(sonde);
});
