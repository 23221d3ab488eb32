import type { z } from 'zod';
import type { Path } from '../../lib/yaml/path.js';
import { DECODER_NAMES, HOST_DECODER_NAMES } from './types.js';

/**
 * Rules across keys, of decoders and labels. They run even where a neighbouring key is wrong, so that every problem is
 * listed at once: values are `unknown` here, and a rule is silent about what it cannot read.
 */

/** @param path below the value that the rule is about. */
export type Report = (path: Path, message: string, hint: string) => void;
export type Loose = Readonly<Record<string, unknown>>;

/** Attaches a rule to a schema. */
export function withRules<S extends z.ZodType>(schema: S, rule: (value: unknown, report: Report) => void): S {
  return schema.superRefine(
    (value, context) => {
      rule(value, (path, message, hint) =>
        context.addIssue({ code: 'custom', path: [...path], message, params: { hint } }),
      );
    },
    { when: () => true },
  );
}

export function isObject(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The objects of a list, with their positions; empty when it is none. */
export function objectsOf(value: unknown): [number, Loose][] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item: unknown, index) => (isObject(item) ? [[index, item] as [number, Loose]] : []));
}

const DECODERS: ReadonlySet<unknown> = new Set(DECODER_NAMES);
export const HOST_DECODERS: ReadonlySet<unknown> = new Set(HOST_DECODER_NAMES);
/** Decoders that read a number's decimal text, so that `uint` must have made it. */
const DECIMAL_DECODERS: ReadonlySet<unknown> = new Set([
  'cgroup',
  'pci_vendor',
  'pci_device',
  'pci_class',
  'pci_subclass',
  'errno',
  'syscall',
]);
/** Sizes that a decoder takes when it reads the kernel's bytes. */
const SIZES: ReadonlyMap<unknown, readonly number[]> = new Map<unknown, readonly number[]>([
  ['uint', [1, 2, 4, 8]],
  ['inet_ip', [4, 16]],
  ['ksym', [8]],
  ['ifname', [4]],
  ['majorminor', [4]],
]);
const ADDRESS_BYTES = 8;

/** Options belong to their decoder: elsewhere they would do nothing. */
export function checkDecoder(value: unknown, report: Report): void {
  if (!isObject(value)) return;
  const { name } = value;
  if (name === 'static_map' && value['static_map'] === undefined) {
    report([], 'static_map has no static_map', 'list the texts under static_map:');
  }
  if (isObject(value['static_map']) && Object.keys(value['static_map']).length === 0) {
    report(['static_map'], 'is empty', 'list the texts, or remove the decoder');
  }
  if (name === 'regexp' && value['regexps'] === undefined) {
    report([], 'regexp has no regexps', 'list the patterns under regexps:');
  }
  if (Array.isArray(value['regexps']) && value['regexps'].length === 0) {
    report(['regexps'], 'is empty', 'list the patterns, or remove the decoder');
  }
  if (!DECODERS.has(name)) return;
  for (const [key, owner] of [
    ['static_map', 'static_map'],
    ['allow_unknown', 'static_map'],
    ['regexps', 'regexp'],
  ] as const) {
    if (value[key] !== undefined && name !== owner) {
      report([key], `has no effect on the decoder ${String(name)}`, `move it to a ${owner} decoder, or remove it`);
    }
  }
}

/** What may stand before what in a chain. */
export function checkDecoders(value: unknown, report: Report): void {
  const chain = objectsOf(value);
  for (const [index, { name }] of chain) {
    const isFirst = index === 0 || (index === 1 && chain[0]?.[1]['name'] === 'uint');
    if (HOST_DECODERS.has(name) && !isFirst) {
      report(
        [index, 'name'],
        `${String(name)} may come only first or after uint, because the host looks the number up`,
        'remove the decoders before it, or move them behind it',
      );
    }
    if (DECIMAL_DECODERS.has(name) && index === 0) {
      report([index, 'name'], `${String(name)} reads a decimal number, not bytes`, 'put `- name: uint` before it');
    }
  }
}

/** Where a label is read, and whether its first decoder can read that many bytes. */
export function checkLabel(value: unknown, report: Report): void {
  if (!isObject(value)) return;
  const { size, padding, member } = value;
  if (member !== undefined && size !== undefined) {
    report(['size'], 'stands beside member, which has its own size', 'remove one of the two');
  }
  if (padding !== undefined && padding !== 0 && size === undefined) {
    report(['padding'], 'stands without size', 'give size too, or remove both to take them from BTF');
  }
  checkFirstSize(value, report);
}

function checkFirstSize(label: Loose, report: Report): void {
  const { size } = label;
  const first = objectsOf(label['decoders'])[0]?.[1]['name'];
  const problem = typeof size === 'number' ? sizeProblem(first, size) : null;
  if (problem !== null) report(['size'], problem, 'correct the size or the decoder');
}

/** Why a chain's first decoder cannot read that many bytes, as in `is 3, but …`; null when it can. */
export function sizeProblem(decoder: unknown, size: number): string | null {
  const sizes = SIZES.get(decoder);
  if (sizes !== undefined && !sizes.includes(size)) {
    return `is ${size}, but ${decoder as string} reads ${orList(sizes)} bytes`;
  }
  if (decoder === 'kstack' && size % ADDRESS_BYTES !== 0) {
    return `is ${size}, but kstack reads addresses of 8 bytes`;
  }
  return null;
}

function orList(values: readonly number[]): string {
  if (values.length < 2) return values.join();
  return `${values.slice(0, -1).join(', ')} or ${String(values.at(-1))}`;
}
