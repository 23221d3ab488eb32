import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { SERVED } from '../../../../aggregator/served.js';
import { notServed } from '../../../../wire/config/not-served.js';
import { parseConfig } from '../../../../wire/config/parse.js';
import { DECODER_NAMES, KERNEL_FEATURES } from '../../../../wire/config/schema.js';
import { packageRoot } from '../../../harness/root.js';

const FOLDER = join(packageRoot(), 'test', 'fixtures', 'forty');
const FILES = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml'));

/** Keys of spans and events, and of what has tests of its own: native histograms and exemplars. */
const NOT_USED = ['as', 'events', 'exemplar', 'native', 'redact', 'service', 'span_id', 'spans', 'trace_id', 'tracing'];
/** `object` of a variant: an object of another name, of which the 40 have none. */
const ELSEWHERE = ['object'];

test('the 40 configs parse, and this version serves all of them', () => {
  assert.equal(FILES.length, 40);
  for (const file of FILES) {
    const config = parseConfig(file.replace('.yaml', ''), file, readFileSync(join(FOLDER, file), 'utf8'));
    assert.deepEqual(notServed(config, SERVED), [], file);
  }
});

test('together they use every decoder, every kind of bucket and every key that is served', () => {
  const used = new Set<string>();
  const values = new Set<unknown>();
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return void values.add(node);
    for (const [key, value] of Object.entries(node)) {
      if (!Array.isArray(node)) used.add(key);
      walk(value);
    }
  };
  for (const file of FILES) walk(parse(readFileSync(join(FOLDER, file), 'utf8')));
  const names = [...DECODER_NAMES, 'exp2', 'exp2zero', 'linear', 'fixed', 'cgrp_storage'];
  assert.deepEqual(names.filter((name) => !values.has(name)), []); // prettier-ignore
  const schema = readFileSync(join(packageRoot(), 'wire', 'config', 'probe.schema.json'), 'utf8');
  const features: readonly string[] = KERNEL_FEATURES;
  const unused = [...keysOf(JSON.parse(schema))].filter((key) => !used.has(key) && !features.includes(key));
  assert.deepEqual(unused.sort(), [...NOT_USED, ...ELSEWHERE].sort());
});

/** Names of all properties that a JSON schema has. */
function keysOf(node: unknown, found = new Set<string>()): Set<string> {
  if (typeof node !== 'object' || node === null) return found;
  const { properties } = node as { properties?: object };
  for (const key of Object.keys(properties ?? {})) found.add(key);
  for (const value of Object.values(node)) keysOf(value, found);
  return found;
}
