import { RE2JS } from 're2js';
import { z } from 'zod';
import { parseDuration } from '../../lib/duration.js';
import { checkDecoder, checkDecoders, checkLabel, withRules } from './rules.js';
import { DECODER_NAMES } from './types.js';

/** The pieces that several parts of the schema share: names, texts, labels and decoders. */

/** Longest name, help or pattern; a file is bounded anyway, this keeps one slip from filling a screen. */
const MAX_TEXT = 1000;
/** Keys and records of the kernel are far smaller; sizes add up without overflow. */
const MAX_BYTES = 65_536;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const MEMBER = /^[A-Za-z_]\w*(\[\d{1,5}\])*(\.[A-Za-z_]\w*(\[\d{1,5}\])*)*$/;

export const text = z.string().min(1).max(MAX_TEXT);

export const metricName = z
  .string()
  .regex(NAME, { error: 'is not a metric name: letters, digits and _, not starting with a digit' })
  .max(MAX_TEXT);

/** Names of maps, programs and symbols: C identifiers. */
export const identifier = z
  .string()
  .regex(NAME, { error: 'is not a name in C: letters, digits and _, not starting with a digit' })
  .max(MAX_TEXT);

export const memberPath = z
  .string()
  .regex(MEMBER, { error: 'is not a path of struct members, such as dst.port or addr[0]' })
  .max(MAX_TEXT);

export const duration = z
  .string()
  .refine((value) => (parseDuration(value) ?? -1) >= 0, { error: 'is not a duration; write it like 30s, 5m or 1h30m' });

export const regexp = text.refine(isRegexp, { error: 'is not a regular expression of RE2' });

/** Whole and not negative, exact in a double. */
export const count = z.int().min(0);

const decoder = withRules(
  z.strictObject({
    name: z.enum(DECODER_NAMES).describe('How bytes, or the last decoder’s text, become text'),
    static_map: z.record(z.string(), z.string()).optional().describe('static_map: text to text'),
    allow_unknown: z.boolean().optional().describe('static_map: text that is not in the map stays as it is'),
    regexps: z.array(regexp).max(MAX_TEXT).optional().describe('regexp: the first that matches counts (RE2)'),
  }),
  checkDecoder,
);

const labelShape = {
  size: z.int().min(1).max(MAX_BYTES).optional().describe('Bytes of the field; left out: from the map’s BTF'),
  padding: z.int().min(0).max(MAX_BYTES).optional().describe('Bytes skipped after the field'),
  member: memberPath.optional().describe('Struct member that is read, instead of size and padding'),
  decoders: withRules(z.array(decoder).min(1).max(100), checkDecoders)
    .optional()
    .describe('Left out: the text of the member’s own type'),
  redact: regexp.optional().describe('Matching bytes are overwritten before they leave the host (RE2)'),
};

/** A metric's label. */
export const label = withRules(
  z.strictObject({
    name: z
      .string()
      .regex(NAME, { error: 'is not a label name: letters, digits and _, not starting with a digit' })
      .refine((name) => !name.startsWith('__'), { error: 'starts with __, which Prometheus keeps for itself' })
      .max(MAX_TEXT)
      .describe('Name of the label; cpu as the last one keeps the CPUs of a per-CPU map apart'),
    ...labelShape,
  }),
  checkLabel,
);

/** A span's or an event's label: an attribute, whose name may be any text. */
export const attribute = withRules(
  z.strictObject({
    name: text.describe('Name of the attribute'),
    ...labelShape,
    as: z.enum(['string', 'int', 'double', 'bool', 'bytes']).optional().describe('Type of the attribute'),
  }),
  checkLabel,
);

function isRegexp(pattern: string): boolean {
  try {
    RE2JS.compile(pattern);
    return true;
  } catch {
    // Whatever it says of it: RE2 does not take the pattern.
    return false;
  }
}
