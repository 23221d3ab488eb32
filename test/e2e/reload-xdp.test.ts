import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fixtureYaml } from '../harness/bpf-fixture.js';
import { compileFixture } from '../harness/compile-bpf.js';
import { select, type Sample } from '../harness/kernel-metrics.js';
import { nameXdpInterface, scrapeIn, sendDatagrams, XDP_INTERFACE } from '../harness/namespaced-sonde.js';
import { Network } from '../harness/netns.js';
import { skipUnlessRoot } from '../harness/privileged.js';
import { configFolder, startSonde } from '../harness/sonde.js';
import { until } from '../harness/until.js';

const TIMES = 23;

function yaml(help: string): string {
  return `metrics: {counters: [{name: test_xdp_total, help: ${help}}]}\n`;
}

test(
  'an XDP program, which leaves no room for another, gives way to its successor, or goes on when there is none',
  { skip: skipUnlessRoot },
  async (t) => {
    const network = await Network.create();
    t.after(() => network.close());
    const { client } = network;
    await nameXdpInterface(network);
    const folder = configFolder(t, { a: { yaml: yaml('One'), object: 'sections' } });
    const prefix = ['nsenter', `--net=/run/netns/${client.name}`];
    const sonde = await startSonde(t, ['--config.dir', folder, '--capabilities.keep=all'], 'run', prefix);

    const scrape = (): Promise<Sample[]> => scrapeIn(network, sonde);
    const isUp = (samples: readonly Sample[]): number | undefined =>
      select(samples, 'sonde_program_up', { program: 'by_xdp' })[0]?.value;
    const idOf = (samples: readonly Sample[]): string | undefined =>
      select(samples, 'ebpf_exporter_ebpf_program_info', { program: 'by_xdp' })[0]?.labels['id'];
    /** Sends datagrams, and waits for the total. */
    const count = async (total: number): Promise<Sample[]> => {
      await sendDatagrams(network, TIMES);
      let samples: Sample[] = [];
      await until(async () => {
        samples = await scrape();
        return select(samples, 'ebpf_exporter_test_xdp_total')[0]!.value >= total;
      }, `${total} datagrams`);
      assert.equal(select(samples, 'ebpf_exporter_test_xdp_total')[0]!.value, total);
      return samples;
    };
    const reload = async (): Promise<Sample[]> => {
      const reloads = async (): Promise<number> => {
        const all = select(await scrape(), 'sonde_config_reloads_total');
        return all.reduce((sum, { value }) => sum + value, 0);
      };
      const before = await reloads();
      sonde.kill('SIGHUP');
      await until(async () => (await reloads()) > before, 'the reload');
      return scrape();
    };

    const first = await count(TIMES);
    writeFileSync(join(folder, 'a.yaml'), yaml('Other words'));
    const changed = await reload();
    assert.equal(isUp(changed), 1, sonde.stderr());
    assert.notEqual(idOf(changed), idOf(first));
    await count(2 * TIMES);

    // Nothing of what comes later in the same reload can be attached: everything stays as it was.
    writeFileSync(join(folder, 'a.yaml'), yaml('Yet others'));
    writeFileSync(join(folder, 'b.yaml'), fixtureYaml('unattachable'));
    copyFileSync(compileFixture('unattachable', 'bpf'), join(folder, 'b.bpf.o'));
    const refused = await reload();
    assert.equal(select(refused, 'sonde_config_last_reload_successful')[0]?.value, 0);
    assert.equal(idOf(refused), idOf(changed));
    await count(3 * TIMES);
    assert.match(await client.exec('ip', 'link', 'show', XDP_INTERFACE), /xdp/);
    assert.equal(await sonde.stop(), 0);
    assert.doesNotMatch(await client.exec('ip', 'link', 'show', XDP_INTERFACE), /xdp/);
  },
);
