import type { ConsumedRecord } from '../wire/bus.js';
import { SondeError } from '../wire/errors.js';
import { decodeFrame, type Frame } from '../wire/frame.js';
import { Host, requireManifest, type HostOptions } from './host.js';
import type { RollupSpec } from './rollup/rollup-spec.js';
import { Rollups } from './rollup/rollups.js';
import { restoreHost, savedHostId, saveHost } from './state/host-state.js';
import { SectionSet, splitName } from './state/section-set.js';
import type { PartitionChange, StoredPartition } from './state/state-store.js';

/** Hosts that one partition holds: far more than a topic should give it. */
const MAX_HOSTS = 65_536;
/** Characters of a host's id. */
const MAX_ID_LENGTH = 256;
/** Time of the log between two looks for hosts that have left. */
const SWEEP_MS = 60_000;
const HOST_TTL_MS = 86_400_000;
/** Hosts that have left and are remembered, so that one of them that comes back in the same session is not counted twice. */
const MAX_LEFT = 65_536;
/** A host that comes back says all that it has counted with its first keyframe, which its Manifest begins: until then. */
const RETURN_MS = 180_000;
/** What is saved of the partition itself: no host's group has such a name, encodeURIComponent leaves no @. */
const OWN_GROUP = '@partition';
const ROLLUPS_GROUP = '@rollups';

export type PartitionOptions = Omit<HostOptions, 'onProblem' | 'onFamilyEnded' | 'onSeriesEnded'> & {
  readonly onProblem: (host: string, config: string, message: string) => void;
  /** A host that has sent nothing for so long, by the log's clock, has left (default 24 h). */
  readonly hostTtlMs?: number;
  /** Metrics that are summed over the hosts. */
  readonly rollups?: readonly RollupSpec[];
};

/** The hosts of one partition, and how far its log has been applied. What it holds follows from the log alone. */
export class Partition {
  readonly number: number;
  readonly hosts = new Map<string, Host>();
  readonly rollups: Rollups;
  /** Offset of the next record; undefined before the first. */
  next: bigint | undefined;
  readonly #options: PartitionOptions;
  readonly #sections = new SectionSet();
  /** Version of each host that is stored. One that leaves and comes back is another. */
  #storedVersions = new Map<Host, number>();
  #collected = new Map<Host, number>();
  /** When the log was last looked at for hosts that have left, by its own clock; undefined before its first record. */
  #sweptMs: number | undefined;
  /** The last session of hosts that have left, those that left first in front. */
  #left = new Map<string, string>();
  #storedRollups = -1;
  #collectedRollups = -1;

  constructor(number: number, options: PartitionOptions) {
    this.number = number;
    this.#options = options;
    this.rollups = new Rollups(options.rollups ?? []);
  }

  /**
   * Applies one record. Throws a SondeError (or, for what protobuf finds too late, a RangeError) when it has to be left out.
   * @param decode makes a frame of the record's bytes, where it is to be another than the one that is there.
   */
  apply(record: ConsumedRecord, decode = decodeFrame): Frame['body']['case'] {
    this.next = record.offset + 1n;
    const frame = decode(record.value);
    if (frame.hostId !== record.key) {
      throw new SondeError('FRAME_MALFORMED', `frame of host ${frame.hostId} in a record of ${record.key}`, {
        stage: 'decode',
      });
    }
    const host = this.#host(frame, record.timestampMs);
    host.apply(frame);
    host.lastRecordMs = record.timestampMs;
    if (frame.body.case === 'manifest') this.rollups.described(host);
    this.#sweep(record.timestampMs);
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
    this.#sections.replace(OWN_GROUP, this.#save());
    this.#collectedRollups = this.rollups.version;
    if (this.#storedRollups === this.rollups.version) this.#sections.keep(ROLLUPS_GROUP);
    else this.#sections.replace(ROLLUPS_GROUP, this.rollups.save());
    for (const [id, host] of this.hosts) {
      const group = encodeURIComponent(id);
      this.#collected.set(host, host.version);
      if (this.#storedVersions.get(host) === host.version) this.#sections.keep(group);
      else this.#sections.replace(group, saveHost(host));
      if (performance.now() < sliceEnd) continue;
      await new Promise(setImmediate);
      sliceEnd = performance.now() + SLICE_MS;
    }
    return this.#sections.change(this.next ?? 0n);
  }

  stored(): void {
    this.#sections.acknowledged();
    this.#storedVersions = this.#collected;
    this.#storedRollups = this.#collectedRollups;
  }

  notStored(): void {
    this.#sections.failed();
  }

  /** What is stored is not what was written from here: the next change makes it that of this partition. */
  storedElsewhere(sections: ReadonlyMap<string, Uint8Array>): void {
    this.#sections.restored(sections);
    this.#storedVersions.clear();
    this.#storedRollups = -1;
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
    const own = groups.get(OWN_GROUP);
    if (own !== undefined) this.#restoreOwn(own);
    const rollups = groups.get(ROLLUPS_GROUP);
    if (rollups !== undefined) this.rollups.restore(rollups);
    const hosts = [...groups].filter(([group]) => !group.startsWith('@'));
    for (const [, hostSections] of hosts) {
      const host = this.#add(savedHostId(hostSections));
      restoreHost(host, hostSections);
      this.rollups.described(host);
      this.#storedVersions.set(host, host.version);
      await new Promise(setImmediate);
    }
    this.#sections.restored(sections);
    this.next = offset;
  }

  /**
   * Lets hosts go that have sent nothing for long. The record that shows the time is applied before: its own host is there, and
   * goes on from where it was however long it has been silent.
   */
  #sweep(nowMs: number): void {
    this.#sweptMs ??= nowMs;
    if (nowMs < this.#sweptMs + SWEEP_MS) return;
    this.#sweptMs = nowMs;
    const { hostTtlMs = HOST_TTL_MS } = this.#options;
    for (const host of this.hosts.values()) {
      if (host.lastRecordMs + hostTtlMs < nowMs) this.#leave(host);
      else if (host.returnedUntilMs !== undefined && host.returnedUntilMs < nowMs) {
        host.returnedUntilMs = undefined;
        host.version++;
        this.rollups.counted(host);
      }
    }
    this.rollups.renew();
  }

  #leave(host: Host): void {
    this.rollups.left(host);
    this.hosts.delete(host.id);
    this.#left.set(host.id, host.sessions.current);
    if (this.#left.size > MAX_LEFT) this.#left.delete(this.#left.keys().next().value!);
  }

  *#save(): Generator<readonly [string, Uint8Array]> {
    const meta: PartitionMeta = {
      ...(this.#sweptMs !== undefined && { sweptMs: this.#sweptMs }),
      left: [...this.#left],
    };
    yield ['meta', Buffer.from(JSON.stringify(meta))];
  }

  #restoreOwn(sections: ReadonlyMap<string, Uint8Array>): void {
    const { sweptMs, left } = JSON.parse(Buffer.from(sections.get('meta')!).toString()) as PartitionMeta;
    this.#sweptMs = sweptMs;
    this.#left = new Map(left);
  }

  #host({ hostId: id, session, body }: Frame, nowMs: number): Host {
    const known = this.hosts.get(id);
    if (known !== undefined) return known;
    requireManifest(body);
    if (id.length > MAX_ID_LENGTH) {
      throw new SondeError('FRAME_MALFORMED', `host id of ${id.length} characters`, { stage: 'decode' });
    }
    if (this.hosts.size >= MAX_HOSTS) {
      throw new SondeError('FRAME_LIMIT', `host ${id} would be one more than ${MAX_HOSTS}`, { stage: 'decode' });
    }
    const host = this.#add(id);
    if (this.#left.get(id) === Buffer.from(session).toString('hex')) host.returnedUntilMs = nowMs + RETURN_MS;
    this.#left.delete(id);
    return host;
  }

  #add(id: string): Host {
    const { onProblem, ...options } = this.#options;
    const host = new Host(id, {
      ...options,
      onProblem: (config, message) => onProblem(id, config, message),
      onFamilyEnded: (...ended) => this.rollups.familyEnded(...ended),
      onSeriesEnded: (...ended) => this.rollups.seriesEnded(...ended),
    });
    this.hosts.set(id, host);
    return host;
  }
}

/** Time that collecting what to store may hold the event loop. */
const SLICE_MS = 5;

interface PartitionMeta {
  readonly sweptMs?: number;
  readonly left: readonly (readonly [host: string, session: string])[];
}
