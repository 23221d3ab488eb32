import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { until } from './until.js';

/** The kernel's own counters, which the probes are compared with. */

/** `Name: KEY…` over `Name: VALUE…`, as /proc/net/snmp and /proc/net/netstat are; keys are `Name.KEY`, such as `Tcp.RetransSegs`. */
export function parsePairedLines(text: string): Map<string, number> {
  const counters = new Map<string, number>();
  const lines = text.trim().split('\n');
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const [group, ...keys] = lines[i]!.split(/\s+/);
    const values = lines[i + 1]!.split(/\s+/).slice(1);
    keys.forEach((key, at) => counters.set(`${group!.slice(0, -1)}.${key}`, Number(values[at])));
  }
  return counters;
}

/** A counter that has to be there. */
export function counter(counters: ReadonlyMap<string, number>, name: string): number {
  const value = counters.get(name);
  if (value === undefined) throw new Error(`this kernel does not count ${name}`);
  return value;
}

/** Softirqs serviced since boot, over all CPUs, by kind as the probes name it (`NET_RX_SOFTIRQ`). */
export async function softirqs(): Promise<Map<string, number>> {
  const [, ...lines] = (await readFile('/proc/softirqs', 'utf8')).trim().split('\n');
  return new Map(
    lines.map((line) => {
      const [kind, ...counts] = line.trim().split(/\s+/);
      return [`${kind!.slice(0, -1)}_SOFTIRQ`, counts.reduce((sum, count) => sum + Number(count), 0)];
    }),
  );
}

/** The same for each CPU that is online: `NET_RX_SOFTIRQ/0`. */
export async function softirqsByCpu(): Promise<Map<string, number>> {
  const [header, ...lines] = (await readFile('/proc/softirqs', 'utf8')).trim().split('\n');
  const cpus = header!
    .trim()
    .split(/\s+/)
    .map((name) => name.replace('CPU', ''));
  const counts = lines.flatMap((line) => {
    const [kind, ...numbers] = line.trim().split(/\s+/);
    return cpus.map((cpu, i): [string, number] => [`${kind!.slice(0, -1)}_SOFTIRQ/${cpu}`, Number(numbers[i])]);
  });
  return new Map(counts);
}

export interface DiskStats {
  /** Requests completed. */
  readonly reads: number;
  readonly writes: number;
  readonly flushes: number;
  /** Milliseconds that requests took, from when they were made. */
  readonly readMs: number;
  readonly writeMs: number;
}

/** One device's line in /proc/diskstats; `device` without /dev/. */
export async function diskStats(device: string): Promise<DiskStats> {
  for (const line of (await readFile('/proc/diskstats', 'utf8')).trim().split('\n')) {
    const [, , name, ...numbers] = line.trim().split(/\s+/);
    if (name !== device) continue;
    const field = (at: number): number => Number(numbers[at] ?? 0);
    return { reads: field(0), readMs: field(3), writes: field(4), writeMs: field(7), flushes: field(15) };
  }
  throw new Error(`/proc/diskstats does not list ${device}`);
}

/**
 * The same, of a device that nobody uses any more: once it stays as it is. The kernel counts a request only after it has told those
 * who wait for it that it is done (blk_account_io_done follows bio_endio), and may be interrupted in between.
 */
export async function finalDiskStats(device: string): Promise<DiskStats> {
  let last = await diskStats(device);
  await until(async () => {
    await delay(100);
    const before = last;
    last = await diskStats(device);
    return isDeepStrictEqual(last, before);
  }, `${device} to be idle`);
  return last;
}
