import { biolatencyTests } from './probes/biolatency.js';
import { softirqLatencyTests } from './probes/softirq-latency.js';
import { tcpRetransmitTests } from './probes/tcp-retransmit.js';
import { timersTests } from './probes/timers.js';

/** The probes on the kernel that this machine runs, whatever it is, among whatever else it does. */
tcpRetransmitTests({ netem: false });
timersTests();
biolatencyTests();
softirqLatencyTests();
