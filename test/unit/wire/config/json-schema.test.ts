import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonSchemaText } from '../../../../wire/config/json-schema.js';

interface Node {
  readonly description?: string;
  readonly additionalProperties?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
}

/** Everything below a node, with its path. */
function* below(node: Node, path: string): Generator<readonly [string, Node]> {
  yield [path, node];
  if (node.items !== undefined) yield* below(node.items, `${path}[]`);
  for (const [name, property] of Object.entries(node.properties ?? {})) yield* below(property, `${path}.${name}`);
}

const SCHEMA = JSON.parse(jsonSchemaText()) as Node;

test('an editor can say what each key is for', () => {
  const silent = [...below(SCHEMA, '')].filter(
    ([path, { description }]) => path !== '' && !path.endsWith('[]') && description === undefined,
  );
  assert.deepEqual(
    silent.map(([path]) => path),
    [],
  );
});

test('an editor underlines a key that is not known', () => {
  for (const [path, { properties, additionalProperties }] of below(SCHEMA, ''))
    if (properties !== undefined) assert.equal(additionalProperties, false, path);
});

test('keys are where the format has them', () => {
  const paths = new Set([...below(SCHEMA, '')].map(([path]) => path));
  for (const path of ['.metrics.counters[].labels[].decoders[].static_map', '.variants[].when.fentry', '.kaddrs[]'])
    assert.ok(paths.has(path), path);
});
