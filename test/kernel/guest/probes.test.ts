import { biolatencyTests } from '../probes/biolatency.js';
import { softirqLatencyTests } from '../probes/softirq-latency.js';
import { tcpRetransmitTests } from '../probes/tcp-retransmit.js';
import { timersTests } from '../probes/timers.js';

/** Run by `../vm.test.ts` in guests, whose kernels have what the machine's own may lack: fentry, netem. */
tcpRetransmitTests({ variant: 'fentry', netem: true });
tcpRetransmitTests({ variant: 'tp_btf', netem: true });
timersTests();
biolatencyTests();
softirqLatencyTests();
