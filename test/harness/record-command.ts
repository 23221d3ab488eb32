import { writeSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { fixtureYaml, obeyThisProcess } from './bpf-fixture.js';
import { select } from './kernel-metrics.js';
import { configFolder, startSonde, type Sonde } from './sonde.js';

const COMMAND = 0x4000_0000;
const PERF = 0x2000_0000;

/** `struct event` of records.bpf.c. */
export interface Event {
  readonly atNs?: bigint;
  readonly key?: number;
  readonly level?: number;
  readonly amount?: bigint;
  readonly load?: number;
  readonly kind?: number;
  readonly name?: string;
}

export function eventBytes(event: Event): Uint8Array {
  const view = new DataView(new ArrayBuffer(40));
  view.setBigUint64(0, event.atNs ?? 0n, true);
  view.setUint32(8, event.key ?? 0, true);
  view.setInt32(12, event.level ?? 0, true);
  view.setBigUint64(16, event.amount ?? 0n, true);
  view.setFloat64(24, event.load ?? 0, true);
  view.setUint8(32, event.kind ?? 0);
  const bytes = new Uint8Array(view.buffer);
  bytes.set(Buffer.from(event.name ?? '').subarray(0, 7), 33);
  return bytes;
}

/** Makes records.bpf.c write these bytes `times` times, with one system call. At most 255 bytes. */
export function writeRecords(buffer: 'ring' | 'perf', record: Uint8Array, times = 1): void {
  try {
    writeSync(COMMAND + (buffer === 'perf' ? PERF : 0) + times, record);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBADF') return; // no file has that number: as meant
    throw error;
  }
  throw new Error('a file has the number of a command');
}

/** `sonde run` with `records.bpf.c`, which obeys this process. */
export async function startRecords(t: TestContext, args: readonly string[] = []): Promise<Sonde> {
  const folder = configFolder(t, { records: { yaml: fixtureYaml('records'), object: 'records' } });
  const sonde = await startSonde(t, ['--config.dir', folder, ...args]);
  obeyThisProcess(Number(select(await sonde.scrape(), 'ebpf_exporter_ebpf_program_info')[0]?.labels['id']));
  return sonde;
}
