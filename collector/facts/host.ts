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

/** What a person says about this host, instead of what it says itself. */
export interface GivenHostFacts {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  /** Label names are Prometheus', and checked. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/**
 * The host's id, unless one is given, is a hash of its machine-id (machine-id(5) asks not to publish the id itself); without
 * one, of its host name.
 */
export async function hostIdentity(given: GivenHostFacts = {}): Promise<HostIdentity> {
  const bootId = await firstLine('/proc/sys/kernel/random/boot_id');
  return { hostId: given.id ?? (await ownId()), bootId };
}

async function ownId(): Promise<string> {
  const machineId = await firstLine('/etc/machine-id');
  return createHash('sha256')
    .update(`sonde:${machineId || hostname()}`)
    .digest('hex')
    .slice(0, 32);
}

export function hostFacts(
  possibleCpus: number,
  collectorVersion: string,
  given: GivenHostFacts = {},
): NonNullable<HostFacts> {
  return {
    hostname: given.name ?? hostname(),
    kernelRelease: release(),
    arch: machine(),
    littleEndian: new Uint8Array(new Uint16Array([1]).buffer)[0] === 1,
    possibleCpus,
    labels: { ...given.labels },
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
