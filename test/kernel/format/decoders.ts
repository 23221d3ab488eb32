import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { machine } from 'node:os';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fixtureYaml, obeyThisProcess, programsOf } from '../../harness/bpf-fixture.js';
import {
  addInterface,
  blockDevices,
  count,
  countAll,
  hasPciIds,
  kernelAddressOf,
  stacksOf,
  type DecoderMap,
} from '../../harness/decoder-rows.js';
import { select, type Sample } from '../../harness/kernel-metrics.js';
import { configFolder, startSonde } from '../../harness/sonde.js';

const IS_ARM = machine() === 'aarch64';
/** No interface has it before the test gives it to one. */
const INDEX = 7_654_321;

/** Writes a small `pci.ids` where the host has it: in guests, whose files nobody else sees. */
export function writePciIds(): void {
  mkdirSync('/usr/share/misc', { recursive: true });
  const vendor = '8086  Intel Corporation\n\t1237  440FX - 82441FX PMC [Natoma]\n';
  writeFileSync('/usr/share/misc/pci.ids', `${vendor}C 03  Display controller\n\t00  VGA compatible controller\n`);
}

/** Each decoder on keys that this kernel has made. */
export function decodersTests(): void {
  describe('decoders', () => {
    test('turn what the kernel has noted into the texts of the format', async (t) => {
      const folder = configFolder(t, { decoders: { yaml: fixtureYaml('decoders'), object: 'decoders' } });
      const sonde = await startSonde(t, ['--config.dir', folder]);
      for (const id of programsOf(sonde.pid)) obeyThisProcess(id);
      countAll();
      const samples = await sonde.scrape();
      const isText = (map: DecoderMap, ...expected: string[]): void =>
        assert.deepEqual(texts(samples, map), expected.sort(), map);

      isText(
        'syscall',
        ...(IS_ARM ? ['io_setup', 'unknown_syscall:59', 'execve'] : ['read', 'execve', 'fadvise64']),
        'unknown_syscall:9999',
      );
      isText('errno', 'ENOENT', 'ENOTSUP', 'unknown:4000');
      isText('regexp', 'seven');
      isText('bytes', '\ufffdff');
      isText('dname', 'example.com');
      isText('ifname', 'lo', 'unknown:2147483632');
      isText('majorminor', ...blockDevices().map(({ name }) => name), 'unknown:4095:1');
      isText('ksym', 'vfs_read', `unknown_addr:0x${(kernelAddressOf('vfs_read') + 1n).toString(16)}`);
      if (hasPciIds()) {
        isText('pci_vendor', 'Intel Corporation', 'unknown pci vendor: 0xfffe');
        isText('pci_device', '440FX - 82441FX PMC [Natoma]', 'unknown pci device: 0x0001');
        isText('pci_class', 'Display controller', 'unknown pci class: 0xee');
        const unknown = ['unknown pci subclass: 0x77 (class 0x03)', 'unknown pci class: 0xee'];
        isText('pci_subclass', 'VGA compatible controller', ...unknown);
      } else {
        for (const map of ['pci_vendor', 'pci_device', 'pci_class', 'pci_subclass'] as const)
          isText(map, 'missing pci.ids db');
      }
      const stacks = texts(samples, 'kstack');
      assert.deepEqual(stacks, stacksOf(sonde.pid).sort());
      assert.match(stacks[0]!, IS_ARM ? /^el0_svc$/m : /^do_syscall_64$/m);
      assert.deepEqual(
        select(samples, 'ebpf_exporter_decoder_errors_total').map(({ value }) => value),
        [0],
      );
    });

    test('an interface that comes has its name from then on', async (t) => {
      const folder = configFolder(t, { decoders: { yaml: fixtureYaml('decoders'), object: 'decoders' } });
      const sonde = await startSonde(t, ['--config.dir', folder]);
      for (const id of programsOf(sonde.pid)) obeyThisProcess(id);
      const name = `sonde${process.pid % 100_000}`;
      for (let i = 0; i < 3; i++) count('ifname', INDEX);
      assert.deepEqual(counts(await sonde.scrape()), { [`unknown:${INDEX}`]: 3 });
      addInterface(t, name, INDEX);
      // What the host did not know is asked for again after a second.
      await sleep(2000);
      for (let i = 0; i < 4; i++) count('ifname', INDEX);
      assert.deepEqual(counts(await sonde.scrape()), { [`unknown:${INDEX}`]: 3, [name]: 4 });
    });
  });
}

function texts(samples: readonly Sample[], map: DecoderMap): string[] {
  return select(samples, `ebpf_exporter_test_${map}_total`)
    .map(({ labels }) => labels['it'] ?? '')
    .sort();
}

function counts(samples: readonly Sample[]): Record<string, number> {
  const rows = select(samples, 'ebpf_exporter_test_ifname_total');
  return Object.fromEntries(rows.map(({ labels, value }) => [labels['it'] ?? '', value] as const));
}
