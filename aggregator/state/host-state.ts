import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { HealthSchema, LookupSchema } from '../../wire/frame.js';
import type { Host } from '../host.js';
import type { HostLoss } from '../host-account.js';
import { savedDefinition, type FamilyMeta } from '../series/family.js';
import { asWords, chunked, joined } from './saved.js';

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
  readonly pastLosses: readonly (Omit<HostLoss, 'count'> & { readonly count: string })[];
  /** By number of its arrays' sections. */
  readonly families: readonly FamilyMeta[];
  /** Decode errors of each map of each config, in the Manifest's order, which is that of its arrays' sections. */
  readonly decodeErrors: readonly number[];
}

/** Names of the arrays of a family. */
const FAMILY_ARRAYS = ['texts', 'starts', 'cells'] as const;

/** All that there is to know of a host, as sections: views, to be used before the host's next frame. */
export function* saveHost(host: Host): Generator<readonly [string, Uint8Array]> {
  yield ['meta', Buffer.from(JSON.stringify(metaOf(host)))];
  yield* chunked('manifest', host.manifestBytes);
  const { health } = host.account;
  if (health !== undefined) yield* chunked('health', toBinary(HealthSchema, health));
  for (const [kind, answers] of host.facts.entries()) {
    const lookup = create(LookupSchema, { kind, ids: [...answers.keys()], names: [...answers.values()] });
    yield* chunked(`facts-${encodeURIComponent(kind)}`, toBinary(LookupSchema, lookup));
  }
  let number = 0;
  for (const family of host.store.families()) {
    const { arrays } = family.save();
    for (const array of FAMILY_ARRAYS) yield* chunked(`family-${number}-${array}`, arrays[array]!);
    number++;
  }
  let map = 0;
  for (const config of host.configs) {
    for (const state of config.states()) yield* chunked(`map-${map++}`, state.save());
  }
}

/** Makes a host, which has applied nothing yet, one with these sections. Throws an Error for what `saveHost` cannot have made. */
export function restoreHost(host: Host, sections: ReadonlyMap<string, Uint8Array>): void {
  const meta = readMeta(sections);
  restoreSessions(host, meta);
  meta.families.forEach((family, number) => {
    const arrays = Object.fromEntries(
      FAMILY_ARRAYS.map((array) => [array, joined(`family-${number}-${array}`, sections)]),
    );
    host.store.family(savedDefinition(family), () => false).restore({ meta: family, arrays });
  });
  for (const name of sections.keys()) {
    if (!name.startsWith('facts-') || !name.endsWith('/0')) continue;
    const { kind, ids, names } = fromBinary(LookupSchema, joined(name.slice(0, -'/0'.length), sections));
    ids.forEach((id, i) => host.facts.set(kind, id, names[i]!));
  }
  const manifest = joined('manifest', sections);
  if (manifest.length > 0) host.restoreManifest(manifest);
  const health = joined('health', sections);
  if (health.length > 0) host.account.health = fromBinary(HealthSchema, health);
  let map = 0;
  for (const config of host.configs) {
    for (const state of config.states()) {
      state.restore(asWords(joined(`map-${map}`, sections)));
      state.decodeErrors = meta.decodeErrors[map] ?? 0;
      map++;
    }
  }
}

/** The id of the host that these sections are of. */
export function savedHostId(sections: ReadonlyMap<string, Uint8Array>): string {
  return readMeta(sections).id;
}

function metaOf(host: Host): HostMeta {
  const { sessions } = host;
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
    pastLosses: host.account.save().map((loss) => ({ ...loss, count: loss.count.toString() })),
    families: [...host.store.families()].map((family) => family.save().meta),
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
  host.account.restore(meta.pastLosses.map((loss) => ({ ...loss, count: BigInt(loss.count) })));
}
