import type { BpfMap, BpfObject } from '../../native/types.js';
import { SondeError } from '../../wire/errors.js';
import type { CgroupIdMapConfig, ProbeConfig } from '../../wire/config/schema.js';
import { noSuchMap } from './no-such-map.js';

type IdMapType = CgroupIdMapConfig['type'];

/** Types of maps, by libbpf's names, and the bytes of a key: a cgroup's id, or a descriptor of its directory. */
const KINDS: Readonly<Record<IdMapType, { readonly types: readonly string[]; readonly keyBytes: number }>> = {
  hash: { types: ['hash', 'lru_hash'], keyBytes: 8 },
  cgrp_storage: { types: ['cgrp_storage'], keyBytes: 4 },
};
/** A u64. */
const VALUE_BYTES = 8;

/** Compares a `cgroup_id_map` with the map that it names. Throws a SondeError `OBJECT_MISMATCH`. */
export function checkCgroupIdMap(config: ProbeConfig, object: BpfObject): void {
  if (config.cgroupIdMap === null) return;
  const { name, type } = config.cgroupIdMap;
  const map = object.maps.find((candidate) => candidate.name === name);
  const problem = map === undefined ? noSuchMap(name, object) : problemOf(map, type);
  if (problem === undefined) return;
  throw new SondeError('OBJECT_MISMATCH', `${config.file}: cgroup_id_map: ${problem}`, { stage: 'load' });
}

function problemOf({ name, type, keySize, valueSize }: BpfMap, wanted: IdMapType): string | undefined {
  const { types, keyBytes } = KINDS[wanted];
  if (!types.includes(type)) {
    const other = Object.entries(KINDS).find(([, kind]) => kind.types.includes(type))?.[0];
    const hint = other === undefined ? `name a map of type ${wanted}` : `write type: ${other}`;
    return `map ${name} is of type ${type}, not ${wanted}; ${hint}`;
  }
  if (keySize === keyBytes && valueSize === VALUE_BYTES) return undefined;
  const there = `keys of ${keySize} and values of ${valueSize} bytes`;
  return `map ${name} has ${there}, and a ${wanted} needs ${keyBytes} and ${VALUE_BYTES}; change its types in the program`;
}
