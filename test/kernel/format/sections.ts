import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { fixtureYaml, isLoaded, obeyThisProcess } from '../../harness/bpf-fixture.js';
import { select, type Sample } from '../../harness/kernel-metrics.js';
import { nameXdpInterface, scrapeIn, sendDatagrams, XDP_INTERFACE } from '../../harness/namespaced-sonde.js';
import { Network } from '../../harness/netns.js';
import { configFolder, startSonde, type Sonde } from '../../harness/sonde.js';
import { until } from '../../harness/until.js';

/** How often this process does what programs count: kills, calls of node's function, datagrams. */
const TIMES = 23;
/** Programs count what this process does a known number of times, by their names. */
const COUNTING = [
  ...['tp_btf', 'raw_tp', 'tracepoint', 'kprobe', 'kretprobe', 'kprobe_multi', 'ksyscall', 'fentry', 'fexit', 'lsm'],
  ...['uprobe', 'uretprobe', 'xdp'],
];
/** Nowhere to be attached, and why. */
const REFUSED = {
  absent_xdp: 'there is no network interface nosuchif0',
  no_pmu: 'a CPU here has no perf event type=4000000000,config=0x3,frequency=50: virtual machines often have no PMU',
  bad_event: 'perf_event/type=1,config=zero,frequency=50 is not perf_event/type=N,config=N,frequency=N',
  nothing: 'tc does not say what to attach to: programs of this kind are not attached by themselves',
} as const;
const WITH_TRACEFS = 'mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing; exec "$@"';

/** The kernel has no such kind, or does not let anyone use it. */
const LACKING = /^no kprobes in this kernel$|^[\w.]+ is not (permitted|supported) by this kernel$/;

/**
 * `sonde run` in a network namespace of its own, with one program of each kind.
 * @param expectLacking kinds that this kernel refuses; left out: as it says.
 */
export function sectionsTests(expectLacking?: readonly string[]): void {
  describe('each kind of section', () => {
    let network: Network;

    before(async () => {
      network = await Network.create();
      await nameXdpInterface(network);
    });
    after(async () => {
      await network?.close();
    });

    test('runs its program as often as its event comes, and leaves nothing in the kernel', async (t) => {
      const sonde = await start(t, network);
      const before = await scrapeIn(network, sonde);
      const infos = select(before, 'ebpf_exporter_ebpf_program_info').map(({ labels }) => labels);
      const idOf = (program: string): string => infos.find((labels) => labels['program'] === program)!['id']!;
      obeyThisProcess(Number(idOf('by_tp_btf')));
      for (let i = 0; i < TIMES; i++) {
        process.kill(process.pid, 0);
        void process.ppid;
      }
      await sendDatagrams(network, TIMES);
      let samples: Sample[] = [];
      // The last datagrams may still be on their way.
      await until(async () => {
        samples = await scrapeIn(network, sonde);
        return valueOf(samples, 'test_xdp_total')! >= TIMES;
      }, 'the datagrams to arrive');

      const up = new Map(
        select(samples, 'sonde_program_up').map(({ labels, value }) => [labels['program'], { ...labels, value }]),
      );
      const lacking = COUNTING.filter((kind) => LACKING.test(String(reasonOf(up.get(`by_${kind}`))[1])));
      if (expectLacking !== undefined) assert.deepEqual(lacking, expectLacking, sonde.stderr());
      const counted = COUNTING.filter((kind) => !lacking.includes(kind));
      const values = counted.map((kind) => [kind, valueOf(samples, `test_${kind}_total`)]);
      assert.deepEqual(values, counted.map((kind) => [kind, TIMES]), sonde.stderr()); // prettier-ignore
      assert.equal(valueOf(samples, 'test_mark_total'), 1, 'called once, when all was attached');

      for (const kind of [...counted, 'mark', 'clock']) {
        assert.deepEqual([kind, up.get(`by_${kind}`)?.value], [kind, 1]);
        assert.equal(attached(samples, idOf(`by_${kind}`)), 1);
      }
      for (const [kind, reason] of Object.entries(REFUSED)) {
        assert.deepEqual(reasonOf(up.get(`by_${kind}`)), [0, reason]);
        assert.equal(attached(samples, idOf(`by_${kind}`)), 0);
      }
      for (const kind of [...lacking, ...Object.keys(REFUSED)]) {
        assert.equal(valueOf(samples, `test_${kind}_total`), undefined, `${kind} counts nothing: its map is not shown`);
      }
      // Each CPU is sampled 50 times a second of the kernel's own time.
      const [clocks, ns] = [valueOf(samples, 'test_clock_total')!, valueOf(samples, 'test_clock_ns_total')!];
      assert.ok(clocks > 0 && ns > 0);
      const cpus = (await network.client.exec('getconf', '_NPROCESSORS_ONLN')).trim();
      assert.ok(clocks <= ns / 20e6 + 2 * Number(cpus), `${clocks} samples in ${ns} ns of ${cpus} CPUs`);

      assert.match(await network.client.exec('ip', 'link', 'show', XDP_INTERFACE), /xdp/);
      assert.equal(await sonde.stop(), 0);
      assert.doesNotMatch(await network.client.exec('ip', 'link', 'show', XDP_INTERFACE), /xdp/);
      await until(() => Promise.resolve(infos.every(({ id }) => !isLoaded(Number(id)))), 'programs to go');
    });
  });
}

async function start(t: TestContext, { client }: Network): Promise<Sonde> {
  const folder = configFolder(t, { sections: { yaml: fixtureYaml('sections'), object: 'sections' } });
  const prefix = ['nsenter', `--net=/run/netns/${client.name}`, 'unshare', '--mount', 'sh', '-c', WITH_TRACEFS, 'sh'];
  return startSonde(t, ['--config.dir', folder], 'run', prefix);
}

function valueOf(samples: readonly Sample[], metric: string): number | undefined {
  return select(samples, `ebpf_exporter_${metric}`)[0]?.value;
}

function attached(samples: readonly Sample[], id: string): number | undefined {
  return select(samples, 'ebpf_exporter_ebpf_program_attached').find(({ labels }) => labels['id'] === id)?.value;
}

function reasonOf(sample: { readonly value: number; readonly reason?: string } | undefined): unknown[] {
  return [sample?.value, sample?.reason];
}
