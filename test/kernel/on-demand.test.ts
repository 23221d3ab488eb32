import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { startSonde, describeWithSonde } from '../harness/kernel-sonde.js';
import { NetworkFixture } from '../harness/netns.js';
import { icmpIpTests } from './probes/icmp-ip.js';
import { inetFragsTests } from './probes/inet-frags.js';
import { udpDropsTests } from './probes/udp-drops.js';
import { unixSocketBacklogTests } from './probes/unix-sockets.js';
import { uprobeTests } from './probes/uprobe.js';
import { usdtTests } from './probes/usdt.js';
import { xdpTests } from './probes/xdp.js';

const network = new NetworkFixture();
const AIMED = ['icmp-ip', 'inet-frags', 'udp-drops', 'unix-socket-backlog'];
const VARIANTS = {
  'icmp-ip': 'tp_btf',
  'inet-frags': 'tp_btf',
  'udp-drops': 'tp_btf',
  'unix-socket-backlog': 'tp_btf',
};

/** The probes that are off by default on the kernel that this machine runs: by what every kernel with BTF has. */
describeWithSonde(
  "probes on demand on this machine's kernel",
  {
    names: [...AIMED, 'uprobe', 'usdt'],
    variants: VARIANTS,
    fixtures: [network],
    aims: () => Object.fromEntries(AIMED.map((name) => [name, network.aim])),
  },
  (sonde) => {
    udpDropsTests(sonde, network, 'tp_btf');
    icmpIpTests(sonde, network, 'tp_btf');
    inetFragsTests(sonde, network, 'tp_btf');
    unixSocketBacklogTests(sonde, network, 'tp_btf');
    uprobeTests(sonde);
    usdtTests(sonde);
  },
);

describe("a probe of its own on this machine's kernel", () => xdpTests());

/** Guests show what these count. */
const NEED_FENTRY = ['ext4dist', 'shrinklat', 'tcp-syn-backlog', 'tcp-window-clamps', 'unix-accept-latency'];

test('probes that need fentry say so where the kernel does not permit it, and the others run', async (t) => {
  if (existsSync('/sys/bus/event_source/devices/kprobe')) return t.skip('this kernel is taken to permit fentry');
  const sonde = await startSonde({ names: [...NEED_FENTRY, 'timers'] });
  t.after(() => sonde.stop());
  for (const name of NEED_FENTRY)
    assert.match(sonde.output(), new RegExp(`not attached: ${name}/\\w+: fentry is not permitted by this kernel`));
  assert.match(sonde.output(), /^attached +timers; /m);
});
