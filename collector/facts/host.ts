import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname, machine, release } from 'node:os';
import type { FrameInit } from '../../wire/frame.js';

type HostFacts = Extract<NonNullable<FrameInit['body']>, { case: 'manifest' }>['value']['host'];

/** Who this host is, in a way that survives reboots. */
export interface HostIdentity {
  readonly hostId: string;
  readonly bootId: string;
}

/**
 * The host's id is a hash of its machine-id (machine-id(5) asks not to publish the id itself); without one, of its host name.
 */
export async function hostIdentity(): Promise<HostIdentity> {
  const machineId = await firstLine('/etc/machine-id');
  const bootId = await firstLine('/proc/sys/kernel/random/boot_id');
  const hostId = createHash('sha256')
    .update(`sonde:${machineId || hostname()}`)
    .digest('hex')
    .slice(0, 32);
  return { hostId, bootId };
}

export function hostFacts(possibleCpus: number, collectorVersion: string): NonNullable<HostFacts> {
  return {
    hostname: hostname(),
    kernelRelease: release(),
    arch: machine(),
    littleEndian: new Uint8Array(new Uint16Array([1]).buffer)[0] === 1,
    possibleCpus,
    labels: {},
    collectorVersion,
  };
}

/** The first line of a file; '' when there is no such file. */
async function firstLine(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).split('\n')[0]!;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
