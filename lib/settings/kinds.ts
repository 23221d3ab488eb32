import { z } from 'zod';
import { CAPABILITY_NAMES, type CapabilityName } from '../capabilities.js';
import { parseDuration } from '../duration.js';
import { parseListenAddress } from '../listen-address.js';
import { show } from '../yaml/issues.js';

/** What kinds of values settings have: how each is written, checked and shown. */

export interface Kind<T> {
  /** What the settings file may hold, and the value it becomes. */
  readonly schema: z.ZodType<T>;
  /** Makes of text (of a flag, a variable, a plain value of the file) what the schema takes. Throws an Error that says what is wrong with it. */
  readonly fromText: (text: string) => unknown;
  /** Stands for the value in help; undefined: the flag takes none. */
  readonly placeholder: string | undefined;
  /** The flag may come several times. */
  readonly repeatable?: true;
  /** Empty text is a value, not one that is left out. */
  readonly mayBeEmpty?: true;
  /** May also be read from a file, by the name with `-file` after it. */
  readonly secret?: true;
  /** What may be shown of text that is given, where that is not all of it. */
  readonly conceal?: (text: string) => string;
}

export const HIDDEN = '•••';
const MAX_TEXT = 4096;
const MAX_ITEMS = 100;
const MAX_LABELS = 32;
const MAX_LABEL_NAME = 128;
const MAX_LABEL_VALUE = 256;
const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['TiB', 2 ** 40],
]);
/** What the server has beside the metrics. */
const PATHS_TAKEN: ReadonlyMap<string, string> = new Map([
  ['/', 'the page'],
  ['/healthz', 'the health check'],
  ['/readyz', 'the readiness check'],
  ['/federate', 'the federation'],
  ['/maps', 'what --debug shows of the maps'],
]);

const text = z.string().min(1).max(MAX_TEXT);

/**
 * A kind that is one piece of text.
 * @param what `is no …`, when `read` gives undefined; `hint` says what to write.
 */
function scalar<T>(placeholder: string, read: (text: string) => T | undefined, what: string, hint: string): Kind<T> {
  const schema = z.string().transform((input, context) => {
    const value = read(input);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: `${show(input)} is no ${what}`, params: { hint } });
    return z.NEVER;
  });
  return { schema, fromText: same, placeholder };
}

export const toggle: Kind<boolean> = {
  ...scalar(
    '',
    (input) => (/^(y|yes|on|true|1)$/i.test(input) ? true : /^(n|no|off|false|0)$/i.test(input) ? false : undefined),
    'bool',
    'write true or false',
  ),
  placeholder: undefined,
};

/** Text as it is; `pattern` says which. */
export function words(placeholder: string): Kind<string>;
export function words(placeholder: string, pattern: RegExp, what: string, hint: string): Kind<string>;
export function words(placeholder: string, pattern?: RegExp, what = '', hint = ''): Kind<string> {
  if (pattern === undefined) return { schema: text, fromText: same, placeholder };
  const kind = scalar(placeholder, (input) => (pattern.test(input) ? input : undefined), what, hint);
  return pattern.test('') ? { ...kind, mayBeEmpty: true } : kind;
}

export const file = words('<file>');
export const folder = words('<folder>');

export function choice<const T extends string>(...values: readonly T[]): Kind<T> {
  return { schema: z.enum(values), fromText: same, placeholder: '<word>' };
}

export function wholeNumber(min: number, max: number): Kind<number> {
  const read = (input: string): number | undefined =>
    /^\d{1,15}$/.test(input) && Number(input) >= min && Number(input) <= max ? Number(input) : undefined;
  return scalar('<number>', read, `whole number from ${min} to ${max}`, 'write one in digits');
}

/** Milliseconds, written as Go writes durations. */
export function duration(min: string, max: string): Kind<number> {
  const [minMs, maxMs] = [parseDuration(min)!, parseDuration(max)!];
  const read = (input: string): number | undefined => {
    const ms = parseDuration(input);
    return ms !== null && ms >= minMs && ms <= maxMs ? ms : undefined;
  };
  return scalar('<duration>', read, `duration from ${min} to ${max}`, 'write one such as 500ms, 10s or 1m30s');
}

/** Milliseconds, written as a plain number of seconds. */
export function seconds(min: number, max: number): Kind<number> {
  const read = (input: string): number | undefined => {
    const value = input.trim() === '' ? NaN : Number(input);
    return value >= min && value <= max ? value * 1000 : undefined;
  };
  return scalar('<seconds>', read, 'such time', `write seconds, from ${min} to ${max}`);
}

export function bytes(min: string, max: string): Kind<number> {
  const [minBytes, maxBytes] = [bytesOf(min)!, bytesOf(max)!];
  const read = (input: string): number | undefined => {
    const value = bytesOf(input);
    return value !== undefined && value >= minBytes && value <= maxBytes ? value : undefined;
  };
  return scalar('<size>', read, `size from ${min} to ${max}`, 'write bytes, or such as 512MiB or 2GiB');
}

function bytesOf(input: string): number | undefined {
  const match = /^(\d{1,15})\s?([KMGT]iB|)$/.exec(input);
  return match === null ? undefined : Number(match[1]) * UNIT_BYTES.get(match[2]!)!;
}

/** `[HOST]:PORT` to listen on, or `fd://N`. */
export const listenAddress: Kind<string> = scalar(
  '<address>',
  (input) => (parseListenAddress(input) === undefined ? undefined : input),
  'address',
  'write [HOST]:PORT, such as :9435 or 127.0.0.1:9435, or fd://0 for a socket of systemd',
);

/** The path of the metrics: the router has signs of its own (`:`, `*`), and some paths are taken. */
export const telemetryPath: Kind<string> = {
  ...words('<path>'),
  schema: z.string().superRefine((input, context) => {
    const taken = PATHS_TAKEN.get(input);
    const refuse = (message: string, hint: string): void =>
      context.addIssue({ code: 'custom', message, params: { hint } });
    if (taken !== undefined) refuse(`${input} is ${taken}`, 'choose another path');
    else if (!/^\/[\w.~/-]*$/.test(input))
      refuse(`${show(input)} is no path`, 'write a / and letters, digits, - . _ ~ or /, such as /metrics');
  }),
};

/** Texts with commas between them, or a list. */
export function list(placeholder: string, item: Kind<string> = words(placeholder)): Kind<string[]> {
  return {
    schema: z.array(item.schema).min(1).max(MAX_ITEMS),
    fromText: (input) => input.split(',').map((part) => part.trim()),
    placeholder,
  };
}

export type KeptCapabilities = readonly ('auto' | 'all' | 'none' | CapabilityName)[];

/** Names of capabilities, in either case; or one word for several of them. */
export const capabilities: Kind<KeptCapabilities> = {
  schema: z
    .array(z.enum(['auto', 'all', 'none', ...CAPABILITY_NAMES]))
    .min(1)
    .max(MAX_ITEMS)
    .superRefine((names, context) => {
      const word = names.find((name) => !name.startsWith('cap_'));
      if (word === undefined || names.length === 1) return;
      context.addIssue({
        code: 'custom',
        message: `has ${word} beside others`,
        params: { hint: 'write it alone, or only names' },
      });
    }),
  fromText: (input) =>
    input
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  placeholder: '<names>',
};

/** Never shown, and never quoted in a message. */
export const secret: Kind<string> = {
  schema: text,
  fromText: same,
  placeholder: '<text>',
  secret: true,
  conceal: () => HIDDEN,
};

/** An address that may hold a password. */
export function url(protocols: readonly string[], example: string): Kind<string> {
  return {
    schema: z.string().superRefine((input, context) => {
      if (URL.canParse(input) && protocols.includes(new URL(input).protocol)) return;
      // Not quoted: what cannot be read cannot be freed of its password.
      const params = { hint: `write one such as ${example}` };
      context.addIssue({ code: 'custom', message: 'is no such address', params });
    }),
    fromText: same,
    placeholder: '<url>',
    conceal: (input) => input.replace(/(\/\/[^/?#]*?):[^/?#]*@/, `$1:${HIDDEN}@`),
  };
}

/** Labels that a person gives a host: `rack=r7,zone=b`, or a map. Names that Prometheus or Sonde give a meaning are refused. */
export const labels: Kind<Record<string, string>> = {
  schema: z.record(z.string(), z.string()).superRefine((given, context) => {
    const refuse = (path: string[], message: string, hint: string): void =>
      context.addIssue({ code: 'custom', path, message, params: { hint } });
    const names = Object.keys(given);
    if (names.length > MAX_LABELS) refuse([], `has ${names.length} labels`, `${MAX_LABELS} are the most`);
    for (const name of names.slice(0, MAX_LABELS)) {
      if (!isLabelName(name)) refuse([name], 'is no name of a label', 'write letters, digits and _, no digit first');
      else if (isReserved(name)) refuse([name], 'is a label that has a meaning of its own', 'choose another name');
      if (Buffer.byteLength(given[name]!) > MAX_LABEL_VALUE)
        refuse([name], 'is too long', `${MAX_LABEL_VALUE} bytes are the most`);
    }
  }),
  fromText: (input) => {
    const given = new Map<string, string>();
    for (const part of input.split(',')) {
      const [, name, value] = /^\s*([^=]+?)\s*=(.*)$/s.exec(part) ?? [];
      if (name === undefined || value === undefined) throw new Error(`${show(part)} is no label; write NAME=VALUE`);
      if (given.has(name)) throw new Error(`gives ${name} twice; remove one`);
      given.set(name, value);
    }
    return Object.fromEntries(given);
  },
  placeholder: '<name=value>',
  repeatable: true,
};

function isLabelName(name: string): boolean {
  return name.length <= MAX_LABEL_NAME && /^[a-zA-Z_]\w*$/.test(name);
}

function isReserved(name: string): boolean {
  return name.startsWith('__') || ['instance', 'job', 'le', 'quantile', 'sonde_partition'].includes(name);
}

/** Lists and maps, at home in the settings file; elsewhere as JSON. */
export function structured<T>(schema: z.ZodType<T>): Kind<T> {
  return {
    schema,
    fromText: (input) => {
      try {
        return JSON.parse(input) as unknown;
      } catch (error) {
        throw new Error(`is no JSON (${(error as Error).message}); write it there, or in the settings file`, {
          cause: error,
        });
      }
    },
    placeholder: '<json>',
  };
}

function same(input: string): string {
  return input;
}
