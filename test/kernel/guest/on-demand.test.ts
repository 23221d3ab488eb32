import { release } from 'node:os';
import { describeWithSonde } from '../../harness/kernel-sonde.js';
import { NetworkFixture } from '../../harness/netns.js';
import { Ext4Disk, ext4distTests } from '../probes/ext4dist.js';
import { icmpIpTests } from '../probes/icmp-ip.js';
import { inetFragsTests } from '../probes/inet-frags.js';
import { ReclaimingCgroup, shrinklatTests } from '../probes/shrinklat.js';
import { tcpSynBacklogExp2ZeroTests, tcpSynBacklogTests } from '../probes/tcp-syn-backlog.js';
import { tcpWindowClampsTests } from '../probes/tcp-window-clamps.js';
import { udpDropsTests } from '../probes/udp-drops.js';
import { unixAcceptLatencyTests, unixSocketBacklogTests } from '../probes/unix-sockets.js';
import { uprobeTests } from '../probes/uprobe.js';
import { usdtTests } from '../probes/usdt.js';
import { xdpTests } from '../probes/xdp.js';

const network = new NetworkFixture();
const cgroup = new ReclaimingCgroup();
const disk = new Ext4Disk();
const AIMED = [
  ...['icmp-ip', 'inet-frags', 'tcp-syn-backlog', 'tcp-window-clamps', 'udp-drops'],
  ...['unix-accept-latency', 'unix-socket-backlog'],
];
const OLD = release().startsWith('6.1.');
/** 6.1 has the tracepoint for IPv4 only. */
const UDP_DROPS = OLD ? 'fexit' : 'tp_btf';
const FIRST = {
  'icmp-ip': 'fentry',
  'inet-frags': 'fentry',
  'udp-drops': UDP_DROPS,
  'unix-socket-backlog': 'fentry',
};

/** Run by `../vm.test.ts` in guests: the probes that are off by default. */
describeWithSonde(
  'probes on demand',
  {
    names: [...AIMED, 'ext4dist', 'shrinklat', 'uprobe', 'usdt'],
    variants: FIRST,
    fixtures: [network, cgroup, disk],
    aims: () => ({
      ...Object.fromEntries(AIMED.map((name) => [name, network.aim])),
      shrinklat: cgroup.aim,
      ext4dist: disk.aim,
    }),
  },
  (sonde) => {
    tcpSynBacklogTests(sonde, network);
    tcpWindowClampsTests(sonde, network);
    shrinklatTests(sonde, cgroup);
    uprobeTests(sonde);
    usdtTests(sonde);
    unixAcceptLatencyTests(sonde, network);
    unixSocketBacklogTests(sonde, network, 'fentry');
    udpDropsTests(sonde, network, UDP_DROPS);
    icmpIpTests(sonde, network, 'fentry');
    inetFragsTests(sonde, network, 'fentry');
    ext4distTests(sonde, disk);
  },
);

const second = new NetworkFixture();
/** 6.1 has no tracepoint sk_data_ready; 6.12 takes the first form of udp-drops. */
const SECOND = {
  'icmp-ip': 'tp_btf',
  'inet-frags': 'tp_btf',
  ...(OLD ? { 'udp-drops': 'ipv4' } : { 'unix-socket-backlog': 'tp_btf' }),
};
const SECOND_NAMES = [...Object.keys(SECOND), 'tcp-syn-backlog-exp2zero'];

describeWithSonde(
  'probes on demand in their second form',
  {
    names: SECOND_NAMES,
    variants: SECOND,
    fixtures: [second],
    aims: () => Object.fromEntries(SECOND_NAMES.map((name) => [name, second.aim])),
  },
  (sonde) => {
    tcpSynBacklogExp2ZeroTests(sonde, second);
    icmpIpTests(sonde, second, 'tp_btf');
    inetFragsTests(sonde, second, 'tp_btf');
    if (OLD) udpDropsTests(sonde, second, 'ipv4');
    else unixSocketBacklogTests(sonde, second, 'tp_btf');
  },
);

xdpTests();
