import { describeWithSonde } from '../../harness/kernel-sonde.js';
import { biolatencyTests, Disks } from '../probes/biolatency.js';
import { cgroupTests } from '../probes/cgroup.js';
import { softirqLatencyTests } from '../probes/softirq-latency.js';
import { tcpRetransmitTests } from '../probes/tcp-retransmit.js';
import { rawTracepointsTests, timersTests } from '../probes/timers.js';

const PROBES = ['tcp-retransmit', 'timers', 'biolatency', 'softirq-latency', 'raw-tracepoints', 'cgroup'];
const disks = new Disks();

/** Run by `../vm.test.ts` in guests, whose kernels have what the machine's own may lack: fentry, netem. */
describeWithSonde(
  'all probes',
  { names: PROBES, variants: { 'tcp-retransmit': 'fentry' }, fixtures: [disks] },
  (sonde) => {
    tcpRetransmitTests(sonde, { netem: true });
    timersTests(sonde);
    rawTracepointsTests(sonde);
    biolatencyTests(sonde, disks);
    softirqLatencyTests(sonde);
    cgroupTests(sonde);
  },
);

describeWithSonde(
  'variant tp_btf',
  { names: ['tcp-retransmit'], variants: { 'tcp-retransmit': 'tp_btf' } },
  (sonde) => {
    tcpRetransmitTests(sonde, { netem: true, onlyType: true });
  },
);
