import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { HealthSchema, LookupSchema } from '../../wire/frame.js';
import type { Host } from '../host.js';
import type { HostHop, HostLoss } from '../host-account.js';
import type { BufferAccount } from '../record-account.js';
import { FAMILY_ARRAYS, savedDefinition, type FamilyMeta } from '../series/family.js';
import { asWords, chunked, joined, type Saved } from './saved.js';

/** Numbers beyond 2^53 as decimal text. */
type AsText<T> = { readonly [Key in keyof T]: string };

/** The few values of a host that are no arrays, as JSON has them: u64s as decimal text. */
interface HostMeta {
  readonly id: string;
  readonly current: string;
  readonly beganNs: string;
  readonly recordsSeq: string;
  readonly stateSeq: string;
  readonly past: readonly (readonly [session: string, hostname: string])[];
  readonly pastDecodeErrors: readonly (readonly [config: string, count: number])[];
  readonly missedFrames: string;
  readonly clones: readonly string[];
  readonly timeNs: string;
  readonly lastRecordMs: number;
  readonly returnedUntilMs?: number;
  readonly left: string;
  readonly pastLosses: readonly AsText<HostLoss>[];
  readonly pastHops: readonly AsText<HostHop>[];
  /** By number of its arrays' sections. */
  readonly families: readonly FamilyMeta[];
  /** Decode errors of each map of each config, in the Manifest's order, which is that of its arrays' sections. */
  readonly decodeErrors: readonly number[];
  /** Bytes of each array: what is cut or missing is not taken for the truth. */
  readonly lengths: Readonly<Record<string, number>>;
  readonly records: readonly BufferAccount[];
}

/** Begins the name of the array of one kind of facts. */
const FACTS = 'facts-';

/** All that there is to know of a host, as sections: views, to be used before the host's next frame. */
export function* saveHost(host: Host): Generator<readonly [string, Uint8Array]> {
  const families = [...host.store.families()].map((family) => family.save());
  const arrays = [...arraysOf(host, families)];
  const lengths = Object.fromEntries(arrays.map(([name, bytes]) => [name, bytes.length]));
  yield ['meta', Buffer.from(JSON.stringify({ ...metaOf(host, families), lengths }))];
  for (const [name, bytes] of arrays) yield* chunked(name, bytes);
}

/** Makes a host, which has applied nothing yet, one with these sections. Throws an Error for what `saveHost` cannot have made. */
export function restoreHost(host: Host, sections: ReadonlyMap<string, Uint8Array>): void {
  const meta = readMeta(sections);
  const array = (name: string): Uint8Array<ArrayBuffer> => {
    const bytes = joined(name, sections);
    const length = meta.lengths[name] ?? 0;
    if (bytes.length !== length) throw new Error(`${bytes.length} of ${length} bytes of ${name}`);
    return bytes;
  };
  restoreSessions(host, meta);
  meta.families.forEach((family, number) => {
    const arrays = Object.fromEntries(FAMILY_ARRAYS.map((part) => [part, array(`family-${number}-${part}`)]));
    host.store.family(savedDefinition(family), family.limits, () => false).restore({ meta: family, arrays });
  });
  for (const name of Object.keys(meta.lengths).filter((name) => name.startsWith(FACTS))) {
    const { kind, ids, names } = fromBinary(LookupSchema, array(name));
    ids.forEach((id, i) => host.facts.set(kind, id, names[i]!));
  }
  const manifest = array('manifest');
  if (manifest.length > 0) host.restoreManifest(manifest);
  const health = array('health');
  if (health.length > 0) host.account.health = fromBinary(HealthSchema, health);
  let map = 0;
  for (const config of host.configs) {
    for (const state of config.states()) {
      state.restore(asWords(array(`map-${map}`)));
      state.restoreUnsettled(array(`unsettled-${map}`), host.facts);
      state.decodeErrors = meta.decodeErrors[map] ?? 0;
      map++;
    }
  }
}

function* arraysOf(
  host: Host,
  families: readonly Saved<FamilyMeta>[],
): Generator<readonly [name: string, bytes: Uint8Array]> {
  yield ['manifest', host.manifestBytes];
  const { health } = host.account;
  if (health !== undefined) yield ['health', toBinary(HealthSchema, health)];
  for (const [kind, answers] of host.facts.entries()) {
    const lookup = create(LookupSchema, { kind, ids: [...answers.keys()], names: [...answers.values()] });
    yield [`${FACTS}${encodeURIComponent(kind)}`, toBinary(LookupSchema, lookup)];
  }
  for (const [number, { arrays }] of families.entries()) {
    for (const part of FAMILY_ARRAYS) yield [`family-${number}-${part}`, arrays[part]!];
  }
  let map = 0;
  for (const config of host.configs) {
    for (const state of config.states()) {
      yield [`map-${map}`, state.save()];
      yield [`unsettled-${map}`, state.saveUnsettled(host.facts)];
      map++;
    }
  }
}

/** The id of the host that these sections are of. */
export function savedHostId(sections: ReadonlyMap<string, Uint8Array>): string {
  return readMeta(sections).id;
}

function metaOf(host: Host, families: readonly Saved<FamilyMeta>[]): Omit<HostMeta, 'lengths'> {
  const { sessions } = host;
  const past = host.account.save();
  return {
    id: host.id,
    current: sessions.current,
    beganNs: sessions.beganNs.toString(),
    recordsSeq: sessions.recordsSeq.toString(),
    stateSeq: sessions.stateSeq.toString(),
    past: [...sessions.past],
    pastDecodeErrors: [...host.pastDecodeErrors],
    missedFrames: host.missedFrames.toString(),
    clones: [...host.clones],
    timeNs: host.timeNs.toString(),
    lastRecordMs: host.lastRecordMs,
    ...(host.returnedUntilMs !== undefined && { returnedUntilMs: host.returnedUntilMs }),
    left: past.left.toString(),
    pastLosses: past.losses.map((loss) => ({ ...loss, count: loss.count.toString() })),
    pastHops: past.hops.map((hop) => ({
      ...hop,
      in: hop.in.toString(),
      out: hop.out.toString(),
      waiting: hop.waiting.toString(),
    })),
    families: families.map(({ meta }) => meta),
    records: host.records.entries(),
    decodeErrors: [...host.configs].flatMap((config) => [...config.states()].map((state) => state.decodeErrors)),
  };
}

function readMeta(sections: ReadonlyMap<string, Uint8Array>): HostMeta {
  const bytes = sections.get('meta');
  if (bytes === undefined) throw new Error('a host without its section meta');
  return JSON.parse(Buffer.from(bytes).toString()) as HostMeta;
}

function restoreSessions(host: Host, meta: HostMeta): void {
  const { sessions } = host;
  sessions.current = meta.current;
  sessions.beganNs = BigInt(meta.beganNs);
  sessions.recordsSeq = BigInt(meta.recordsSeq);
  sessions.stateSeq = BigInt(meta.stateSeq);
  for (const [session, hostname] of meta.past) sessions.past.set(session, hostname);
  for (const [config, count] of meta.pastDecodeErrors) host.pastDecodeErrors.set(config, count);
  host.missedFrames = BigInt(meta.missedFrames);
  host.clones = new Set(meta.clones);
  host.timeNs = BigInt(meta.timeNs);
  host.lastRecordMs = meta.lastRecordMs;
  host.returnedUntilMs = meta.returnedUntilMs;
  host.records.restore(meta.records);
  host.account.restore({
    left: BigInt(meta.left),
    losses: meta.pastLosses.map((loss) => ({ ...loss, count: BigInt(loss.count) })),
    hops: meta.pastHops.map((hop) => ({
      ...hop,
      in: BigInt(hop.in),
      out: BigInt(hop.out),
      waiting: BigInt(hop.waiting),
    })),
  });
}
