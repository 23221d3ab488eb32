import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { PciIds } from '../../../../collector/facts/pci-ids.js';

/** The format of pci.ids(5): its comments, a subsystem and a programming interface, which have no names here, and bytes that are no ASCII. */
const TEXT = `#
#	List of PCI ID's
#
0001  SafeNet (wrong ID)
001c  PEAK-System Technik GmbH
\t0001  PCAN-PCI CAN-Bus controller
\t\t001c 0005  2 Channel CAN Bus
8086  Intel Corporation
\t1237  440FX - 82441FX PMC [Natoma]  
\t\t1af4 1100  Qemu virtual machine
\t100e  82540EM Gigabit Ethernet Contröller

# List of known device classes
C 00  Unclassified device
\t00  Non-VGA unclassified device
C 01  Mass storage controller
\t08  Non-Volatile memory controller
\t\t02  NVM Express
C 03  Display controller
\t00  VGA compatible controller
`;

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'sonde-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

async function text(name: Promise<Uint8Array | undefined>): Promise<string | undefined> {
  const bytes = await name;
  return bytes === undefined ? undefined : Buffer.from(bytes).toString();
}

test('names are those of pci.ids', async (t) => {
  const file = join(folder(t), 'pci.ids');
  writeFileSync(file, TEXT);
  const ids = new PciIds(['/none/pci.ids', file]);
  assert.equal(await text(ids.vendor(0x8086n)), 'Intel Corporation');
  assert.equal(await text(ids.vendor(0x1cn)), 'PEAK-System Technik GmbH');
  assert.equal(await text(ids.vendor(0n)), undefined, 'a class is no vendor');
  assert.equal(await text(ids.vendor(0x1af4n)), undefined, 'a subsystem is none');
  assert.equal(await text(ids.device(0x80861237n)), '440FX - 82441FX PMC [Natoma]');
  assert.equal(await text(ids.device(0x8086100en)), '82540EM Gigabit Ethernet Contröller');
  assert.equal(await text(ids.device(0x1c0001n)), 'PCAN-PCI CAN-Bus controller');
  assert.equal(await text(ids.device(0x80860001n)), undefined, 'a device of another vendor');
  assert.equal(await text(ids.class(3n)), 'Display controller');
  assert.equal(await text(ids.class(4n)), undefined);
  assert.equal(await text(ids.class(0x8086n)), undefined, 'a vendor is no class');
  assert.equal(await text(ids.subclass(0x300n)), 'VGA compatible controller');
  assert.equal(await text(ids.subclass(0x108n)), 'Non-Volatile memory controller');
  assert.equal(await text(ids.subclass(0x102n)), undefined, 'a programming interface is no subclass');
  assert.equal(await text(ids.subclass(0x4201n)), 'unknown pci class: 0x42');
  assert.equal(await text(ids.subclass(2n ** 64n - 1n)), 'unknown pci class: 0xffffffffffffff');
});

test('without the file all have one name, until it is there', async (t) => {
  const file = join(folder(t), 'pci.ids');
  let now = 0;
  const ids = new PciIds([file], () => now);
  for (const kind of ['vendor', 'device', 'class', 'subclass'] as const) {
    assert.equal(await text(ids[kind](0x8086n)), 'missing pci.ids db');
  }
  writeFileSync(file, TEXT);
  now = 9999;
  assert.equal(await text(ids.vendor(0x8086n)), 'missing pci.ids db', 'not looked for at every question');
  now = 10_000;
  assert.equal(await text(ids.vendor(0x8086n)), 'Intel Corporation');
  rmSync(file);
  now = 100_000;
  assert.equal(await text(ids.vendor(0x8086n)), 'Intel Corporation', 'read once');
});
