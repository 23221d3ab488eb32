import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { SondeError } from '../wire/errors.js';
import { ManifestSchema, type Frame, type Lookup, type Manifest, type MapRows, type Records } from '../wire/frame.js';
import type { DecodeContext } from './decode/decoder.js';
import { Facts } from './decode/facts.js';
import { HostAccount } from './host-account.js';
import { LoadedConfig, unknownMap } from './loaded-config.js';
import { RecordAccount } from './record-account.js';
import type { FrameClock } from './series/expiry.js';
import type { FamilyView } from './series/family-view.js';
import type { Family } from './series/family.js';
import { limitsOf, type LimitSettings } from './series/limits.js';
import { SeriesStore } from './series/store.js';

/** Facts kept of each kind for one host: more distinct symbols, devices or cgroups than a host has at a time. */
const MAX_FACTS = 262_144;
/** Sessions that are remembered as over: a frame can be late by that many restarts of its collector. */
const MAX_PAST_SESSIONS = 64;
/** Configs that are remembered by name when they are gone; beyond, their decode errors go together. */
const MAX_PAST_CONFIGS = 1024;
/** A frame of a session that is over, made this long after the next one began, is of another machine: clocks may be set meanwhile. */
const CLONE_AFTER_NS = 30_000_000_000n;

export interface HostOptions extends LimitSettings {
  /** Told what a Manifest says that cannot be served. */
  readonly onProblem: (config: string, message: string) => void;
  /** Told when a metric's known keys had become too many, and were forgotten. */
  readonly onForgotten?: (() => void) | undefined;
  /** Told of an exemplar that was left out. */
  readonly onExemplarRefused?: (() => void) | undefined;
  /** Told of a metric that ends: no config has it any more, or another takes its name. */
  readonly onFamilyEnded?: (host: Host, family: Family) => void;
  /** Told of series that have ended: with the metric as it was, and the new number of each of its series. */
  readonly onSeriesEnded?: (host: Host, family: Family, before: FamilyView, numbers: Uint32Array) => void;
}

/** What is remembered of the sequence of a host's sessions. */
export interface Sessions {
  /** Session that runs, in hex; '' before the first. */
  current: string;
  /** When it began, by the host's clock. */
  beganNs: bigint;
  recordsSeq: bigint;
  stateSeq: bigint;
  /** Sessions that are over, oldest first, with the host name each had. */
  readonly past: Map<string, string>;
}

/** What one host said, applied frame by frame: the newest session's Manifest, facts, rows and health, and the series of all. */
export class Host {
  readonly id: string;
  readonly store: SeriesStore;
  readonly account = new HostAccount();
  readonly records = new RecordAccount();
  readonly sessions: Sessions = { current: '', beganNs: 0n, recordsSeq: 0n, stateSeq: 0n, past: new Map() };
  readonly #options: HostOptions;
  #facts = new Facts(MAX_FACTS);
  #configs = new Map<number, LoadedConfig>();
  #manifest: Manifest | undefined;
  /** The Manifest's bytes, to be saved and compared. */
  #manifestBytes = new Uint8Array();
  /** Decode errors of configs that are no longer loaded. */
  readonly pastDecodeErrors = new Map<string, number>();
  /** Frames of records_seq that never came. */
  missedFrames = 0n;
  /** Host names of machines that send under this id at the same time; empty when all is well. */
  clones: ReadonlySet<string> = new Set();
  #timeNs = 0n;
  /** The same time, for the series. */
  readonly #clock: FrameClock = { nowMs: 0 };
  /** When the bus took its newest record, by the bus's clock (ms since 1970). */
  lastRecordMs = 0;
  /** Until when, by the bus's clock, what it counts may have been counted before; undefined: it has not. */
  returnedUntilMs: number | undefined;
  /** Raised by every frame. */
  version = 0;

  constructor(id: string, options: HostOptions) {
    this.id = id;
    this.#options = options;
    this.store = new SeriesStore(this.#clock, (family) => options.onFamilyEnded?.(this, family));
  }

  /** When the newest frame was made, by the host's clock. */
  get timeNs(): bigint {
    return this.#timeNs;
  }

  set timeNs(timeNs: bigint) {
    this.#timeNs = timeNs;
    this.#clock.nowMs = Number(timeNs / 1_000_000n);
  }

  get manifest(): Manifest | undefined {
    return this.#manifest;
  }

  get manifestBytes(): Uint8Array {
    return this.#manifestBytes;
  }

  get facts(): Facts {
    return this.#facts;
  }

  get configs(): Iterable<LoadedConfig> {
    return this.#configs.values();
  }

  /** What the metrics of a map make of the key at `keys[offset…]`, for people; nothing for a map that is not known. */
  describeKey(configId: number, mapId: number, keys: Uint8Array, offset: number): string[] {
    return this.#configs.get(configId)?.describeKey(mapId, keys, offset, this.#context()) ?? [];
  }

  /**
   * Applies one frame. Throws a SondeError: `FRAME_MALFORMED` or `FRAME_UNKNOWN_MAP` when its body contradicts the Manifest,
   * `FRAME_NO_MANIFEST` when there is none yet, `FRAME_LATE` when a newer session has begun, `FRAME_LIMIT`.
   */
  apply(frame: Frame): void {
    this.version++;
    const session = Buffer.from(frame.session).toString('hex');
    if (session !== this.sessions.current) this.#begin(session, frame);
    if (!this.#inSequence(frame)) return;
    this.#advance(frame);
    try {
      this.#applyBody(frame.body);
    } finally {
      // What came before a fault has been applied.
      this.#settle();
    }
  }

  #applyBody(body: Frame['body']): void {
    switch (body.case) {
      case 'manifest':
        return this.#applyManifest(body.value);
      case 'lookup':
        return this.#applyLookup(body.value);
      case 'mapRows':
        return this.#applyRows(body.value);
      case 'health':
        this.account.health = body.value;
        return;
      case 'records':
        return this.#applyRecords(body.value);
      case undefined:
        throw new SondeError('FRAME_MALFORMED', 'this version applies no empty frames', { stage: 'decode' });
    }
  }

  /** Decode errors by config, 0 included. */
  decodeErrors(): Map<string, number> {
    const errors = new Map(this.pastDecodeErrors);
    for (const { shape, decodeErrors } of this.#configs.values()) {
      errors.set(shape.name, (errors.get(shape.name) ?? 0) + decodeErrors);
    }
    for (const { config, failed } of this.records.entries()) errors.set(config, (errors.get(config) ?? 0) + failed);
    return errors;
  }

  /** Makes this host, which has applied nothing yet, one with this Manifest, its maps still empty. */
  restoreManifest(bytes: Uint8Array): void {
    this.#applyManifest(fromBinary(ManifestSchema, bytes));
  }

  /** A new incarnation of the collector, which says first what it is: what the old one's rows counted stays in the series. */
  #begin(session: string, frame: Frame): void {
    const { sessions } = this;
    const madeNs = frame.anchor?.realtimeNs ?? 0n;
    if (sessions.past.has(session)) {
      this.#noticeClone(session, madeNs);
      throw new SondeError('FRAME_LATE', `${frame.body.case} of session ${session}, which is over`, {
        stage: 'decode',
      });
    }
    requireManifest(frame.body);
    if (sessions.current !== '') {
      sessions.past.set(sessions.current, this.#manifest?.host?.hostname ?? '');
      if (sessions.past.size > MAX_PAST_SESSIONS) sessions.past.delete(sessions.past.keys().next().value!);
    }
    this.#advance(frame);
    for (const config of this.#configs.values()) this.#retire(config);
    this.#configs = new Map();
    // Of a host that is known everything from the session's first frame on is missed; of another nobody knows.
    sessions.recordsSeq = sessions.current === '' && frame.recordsSeq > 0n ? frame.recordsSeq - 1n : 0n;
    sessions.stateSeq = 0n;
    sessions.current = session;
    sessions.beganNs = madeNs;
    this.#facts = new Facts(MAX_FACTS);
    this.#manifest = undefined;
    this.#manifestBytes = new Uint8Array();
    this.account.fold();
    this.clones = new Set();
  }

  /** A session that goes on although another has followed it is that of a second machine with this id. */
  #noticeClone(session: string, madeNs: bigint): void {
    if (madeNs < this.sessions.beganNs + CLONE_AFTER_NS) return;
    this.clones = new Set([this.sessions.past.get(session)!, this.#manifest?.host?.hostname ?? '']);
  }

  #advance({ anchor }: Frame): void {
    const timeNs = anchor?.realtimeNs ?? 0n;
    if (timeNs > this.timeNs) this.timeNs = timeNs;
  }

  /** After each frame: ends series and chooses which are shown. */
  #settle(): void {
    for (const family of this.store.families()) {
      if (family.stale.size > 0) this.#remakeStale(family);
      const { definition, table, cells, stride, size } = family;
      const numbers = family.settle();
      if (numbers === undefined) continue;
      this.#options.onSeriesEnded?.(this, family, { definition, table, cells, stride, size }, numbers);
      for (const config of this.#configs.values()) config.renumber(family, numbers);
    }
  }

  /** Of series whose row has gone or changed. */
  #remakeStale(family: Family): void {
    const begun = new Set<number>();
    for (const config of this.#configs.values()) {
      for (const state of config.states()) if (state.family === family) state.combineStale(begun);
    }
    family.stale.clear();
  }

  #retire(config: LoadedConfig): void {
    const { shape, decodeErrors } = config;
    const { name } = shape;
    for (const state of config.states()) state.close();
    const past = this.pastDecodeErrors;
    const key = past.size < MAX_PAST_CONFIGS || past.has(name) ? name : 'other';
    past.set(key, (past.get(key) ?? 0) + decodeErrors);
  }

  /** False for a frame that is a repetition. */
  #inSequence({ stateSeq, recordsSeq }: Frame): boolean {
    const { sessions } = this;
    if (stateSeq > 0n) {
      if (stateSeq <= sessions.stateSeq) return false;
      sessions.stateSeq = stateSeq;
      return true;
    }
    if (recordsSeq <= sessions.recordsSeq) return false;
    this.missedFrames += recordsSeq - sessions.recordsSeq - 1n;
    sessions.recordsSeq = recordsSeq;
    return true;
  }

  #applyManifest(manifest: Manifest): void {
    // Bytes of its own: the frame's belong to a larger buffer, which would stay as long as the Manifest does.
    const bytes = toBinary(ManifestSchema, manifest);
    if (Buffer.compare(bytes, this.#manifestBytes) === 0) return;
    this.#manifestBytes = bytes;
    this.#manifest = fromBinary(ManifestSchema, bytes);
    const previous = this.#configs;
    const kept = new Map<number, LoadedConfig>();
    for (const shape of this.#manifest.configs) {
      const known = previous.get(shape.id);
      if (known?.shape.epoch !== shape.epoch) continue;
      known.shape = shape;
      kept.set(shape.id, known);
      previous.delete(shape.id);
    }
    for (const gone of previous.values()) this.#retire(gone);
    const inUse = new Set<Family>([...kept.values()].flatMap((config) => [...config.families()]));
    this.#configs = new Map(
      this.#manifest.configs.map((shape) => [shape.id, kept.get(shape.id) ?? this.#load(shape, inUse)]),
    );
    this.#endFamilies();
  }

  /** Metrics that no config has any more come to their end. Those of a config that cannot be read here nobody knows: all stay then. */
  #endFamilies(): void {
    const names = new Set<string>();
    for (const { metricNames } of this.#configs.values()) {
      if (metricNames === undefined) return;
      for (const name of metricNames) names.add(name);
    }
    this.store.retain(names);
  }

  #load(shape: Manifest['configs'][number], inUse: Set<Family>): LoadedConfig {
    const { metricPrefix, onProblem, onForgotten, onExemplarRefused } = this.#options;
    const config = LoadedConfig.load(shape, {
      metricPrefix,
      littleEndian: this.#littleEndian,
      possibleCpus: this.#manifest?.host?.possibleCpus ?? 1,
      onForgotten,
      onExemplarRefused,
      account: (map) => this.records.of(shape.name, map),
      family: (definition, metric) => {
        const limits = limitsOf(metric, this.#options);
        const family = this.store.family(definition, limits, (known) => inUse.has(known));
        inUse.add(family);
        return family;
      },
    });
    if (config.problem !== undefined) onProblem(shape.name, config.problem);
    return config;
  }

  #applyLookup(lookup: Lookup): void {
    if (lookup.ids.length !== lookup.names.length) {
      throw new SondeError('FRAME_MALFORMED', `lookup of ${lookup.ids.length} ids and ${lookup.names.length} names`, {
        stage: 'decode',
      });
    }
    lookup.ids.forEach((id, i) => this.#facts.set(lookup.kind, id, Buffer.from(lookup.names[i]!)));
  }

  #applyRows(rows: MapRows): void {
    const config = this.#configs.get(rows.configId);
    if (config === undefined) throw unknownMap(rows);
    // Rows of a load that is over: its Manifest came first, so they are late, and the newer load has its own.
    if (config.shape.epoch !== rows.epoch) return;
    config.applyRows(rows, this.#context());
  }

  #applyRecords(records: Records): void {
    const config = this.#configs.get(records.configId);
    if (config === undefined) throw unknownMap(records);
    if (config.shape.epoch !== records.epoch) {
      const message = `records of load ${records.epoch} of ${config.shape.name}, which is over`;
      throw new SondeError('FRAME_LATE', message, { stage: 'decode' });
    }
    config.applyRecords(records, this.#context());
  }

  #context(): DecodeContext {
    const arch = this.#manifest?.host?.arch ?? '';
    return { facts: this.#facts, littleEndian: this.#littleEndian, arch };
  }

  get #littleEndian(): boolean {
    return this.#manifest?.host?.littleEndian ?? true;
  }
}

/** Throws when a frame is the first of its host or session and is no Manifest: without one nothing can be made of it. */
export function requireManifest(body: Frame['body']): void {
  if (body.case === 'manifest') return;
  throw new SondeError('FRAME_NO_MANIFEST', `${body.case} of a session whose Manifest has not come`, {
    stage: 'decode',
  });
}
