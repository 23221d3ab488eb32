import type { ConsumedRecord } from '../wire/bus.js';
import { SondeError } from '../wire/errors.js';
import { decodeFrame, type Frame } from '../wire/frame.js';
import { Host, requireManifest, type HostOptions } from './host.js';
import { restoreHost, savedHostId, saveHost } from './state/host-state.js';
import { SectionSet, splitName } from './state/section-set.js';
import type { PartitionChange, StoredPartition } from './state/state-store.js';

/** Hosts that one partition holds: far more than a topic should give it. */
const MAX_HOSTS = 65_536;
/** Characters of a host's id. */
const MAX_ID_LENGTH = 256;

export type PartitionOptions = Omit<HostOptions, 'onProblem'> & {
  readonly onProblem: (host: string, config: string, message: string) => void;
};

/** The hosts of one partition, and how far its log has been applied. What it holds follows from the log alone. */
export class Partition {
  readonly number: number;
  readonly hosts = new Map<string, Host>();
  /** Offset of the next record; undefined before the first. */
  next: bigint | undefined;
  readonly #options: PartitionOptions;
  readonly #sections = new SectionSet();
  /** Version of each host that is stored. */
  readonly #storedVersions = new Map<string, number>();
  #collected = new Map<string, number>();

  constructor(number: number, options: PartitionOptions) {
    this.number = number;
    this.#options = options;
  }

  /** Applies one record. Throws a SondeError (or, for what protobuf finds too late, a RangeError) when it has to be left out. */
  apply(record: ConsumedRecord): Frame['body']['case'] {
    this.next = record.offset + 1n;
    const frame = decodeFrame(record.value);
    if (frame.hostId !== record.key) {
      throw new SondeError('FRAME_MALFORMED', `frame of host ${frame.hostId} in a record of ${record.key}`, {
        stage: 'decode',
      });
    }
    this.#host(frame).apply(frame);
    return frame.body.case;
  }

  /**
   * What has changed since it was stored last. Gives the event loop its turn between hosts: no record may be applied meanwhile.
   * To be followed by {@link stored} or {@link notStored}.
   */
  async change(): Promise<PartitionChange> {
    this.#sections.begin();
    this.#collected = new Map();
    let sliceEnd = performance.now() + SLICE_MS;
    for (const [id, host] of this.hosts) {
      const group = encodeURIComponent(id);
      this.#collected.set(id, host.version);
      if (this.#storedVersions.get(id) === host.version) this.#sections.keep(group);
      else this.#sections.replace(group, saveHost(host));
      if (performance.now() < sliceEnd) continue;
      await new Promise(setImmediate);
      sliceEnd = performance.now() + SLICE_MS;
    }
    return this.#sections.change(this.next ?? 0n);
  }

  stored(): void {
    this.#sections.acknowledged();
    this.#storedVersions.clear();
    for (const [id, version] of this.#collected) this.#storedVersions.set(id, version);
  }

  notStored(): void {
    this.#sections.failed();
  }

  /** Makes this partition, which has applied nothing yet, what was stored. */
  async restore({ offset, sections }: StoredPartition): Promise<void> {
    const groups = new Map<string, Map<string, Uint8Array>>();
    for (const [name, bytes] of sections) {
      const [group, section] = splitName(name);
      const known = groups.get(group);
      if (known === undefined) groups.set(group, new Map([[section, bytes]]));
      else known.set(section, bytes);
    }
    for (const hostSections of groups.values()) {
      const host = this.#add(savedHostId(hostSections));
      restoreHost(host, hostSections);
      this.#storedVersions.set(host.id, host.version);
      await new Promise(setImmediate);
    }
    this.#sections.restored(sections);
    this.next = offset;
  }

  #host({ hostId: id, body }: Frame): Host {
    const known = this.hosts.get(id);
    if (known !== undefined) return known;
    requireManifest(body);
    if (id.length > MAX_ID_LENGTH) {
      throw new SondeError('FRAME_MALFORMED', `host id of ${id.length} characters`, { stage: 'decode' });
    }
    if (this.hosts.size >= MAX_HOSTS) {
      throw new SondeError('FRAME_LIMIT', `host ${id} would be one more than ${MAX_HOSTS}`, { stage: 'decode' });
    }
    return this.#add(id);
  }

  #add(id: string): Host {
    const { onProblem, ...options } = this.#options;
    const host = new Host(id, { ...options, onProblem: (config, message) => onProblem(id, config, message) });
    this.hosts.set(id, host);
    return host;
  }
}

/** Time that collecting what to store may hold the event loop. */
const SLICE_MS = 5;
