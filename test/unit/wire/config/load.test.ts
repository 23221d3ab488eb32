import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { checkConfigs, loadConfigs, loadTexts } from '../../../../wire/config/load.js';
import { ConfigError, formatProblem } from '../../../../wire/errors.js';
import { FIXTURES, fixtures } from './fixtures.js';

/** A counter's YAML, with what else the test needs. */
function counter(name: string, help = 'Help', rest = ''): string {
  return `metrics:\n  counters:\n    - name: ${name}\n      help: ${help}\n${rest}`;
}

function histogram(name: string, max = 3, bucket = 'bucket'): string {
  return `metrics:\n  histograms:\n    - name: ${name}\n      help: Help\n      bucket_type: exp2\n      bucket_max: ${max}
      labels: [{name: ${bucket}, size: 8, decoders: [{name: uint}]}]\n`;
}

async function folder(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'sonde-configs-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) await writeFile(join(dir, name), content);
  return dir;
}

async function problemsOf(dir: string, names?: readonly string[]): Promise<string[]> {
  try {
    await loadConfigs(dir, names);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map((problem) => formatProblem(problem).replaceAll(dir, 'DIR'));
  }
  return [];
}

test('loads all that are on by default, or those named, in their order', async (t) => {
  const dir = await folder(t, {
    'a.yaml': counter('a'),
    'a.bpf.o': '',
    'b.yaml': `${counter('b')}defaults: off\n`,
    'b.bpf.o': '',
    'c.yaml': counter('c'),
    'c.bpf.o': '',
    'README.md': 'not a config',
  });
  const names = async (wanted?: string[]): Promise<string[]> =>
    (await loadConfigs(dir, wanted)).map(({ name }) => name);
  assert.deepEqual(await names(), ['a', 'c']);
  assert.deepEqual(await names(['c', 'b', 'c']), ['c', 'b']);
  assert.equal((await loadConfigs(dir, ['a']))[0]?.file, join(dir, 'a.yaml'));
});

test('a folder that is missing, a file, or empty', async (t) => {
  const dir = await folder(t, { file: '' });
  assert.deepEqual(await problemsOf(join(dir, 'none')), [
    'DIR: cannot be read: ENOENT: no such file or directory; give a folder of configs',
  ]);
  assert.deepEqual(await problemsOf(join(dir, 'file')), [
    'DIR: cannot be read: ENOTDIR: not a directory; give a folder of configs',
  ]);
  const empty = ['DIR: holds no config (NAME.yaml); give a folder of NAME.yaml and NAME.bpf.o files'];
  assert.deepEqual(await problemsOf(dir), empty);
  assert.deepEqual(await problemsOf(dir, ['a']), empty);
  const yml = await folder(t, { 'a.yml': counter('a') });
  assert.deepEqual(await problemsOf(yml), ['DIR: holds no config (NAME.yaml); rename a.yml to a.yaml']);
});

test('unknown names get a suggestion', async (t) => {
  const dir = await folder(t, { 'timers.yaml': counter('a'), 'timers.bpf.o': '', 'alone.bpf.o': '' });
  assert.deepEqual(await problemsOf(dir, ['timer', 'nonsense', 'alone', '../timers', '']), [
    'DIR: has no config "timer"; did you mean timers?',
    'DIR: has no config "nonsense"; there are timers',
    'DIR/alone.bpf.o: alone.yaml is not beside it; add it, or choose another config',
    'DIR: has no config "../timers"; did you mean timers?',
    'DIR: has no config ""; there are timers',
  ]);
  assert.deepEqual(await problemsOf(dir, []), ['DIR: no config is named; name one, or leave the names out for all']);
});

test('pairs belong together', async (t) => {
  const dir = await folder(t, {
    'a.yaml': counter('a'),
    'b.bpf.o': '',
    'c.yaml': `${counter('c')}variants: [{object: c-new.bpf.o}, {object: c-old.bpf.o}]\n`,
    'c-new.bpf.o': '',
    'd.yaml': `${counter('d')}defaults: off\n`,
  });
  assert.deepEqual(await problemsOf(dir), [
    'DIR/a.yaml: a.bpf.o is not beside it; build it, or put it into the same folder',
    'DIR/c.yaml: c-old.bpf.o is not beside it; build it, or put it into the same folder',
    'DIR/b.bpf.o: b.yaml is not beside it; add it, remove the object, or choose configs by name',
  ]);
  assert.deepEqual(await problemsOf(dir, ['a']), [
    'DIR/a.yaml: a.bpf.o is not beside it; build it, or put it into the same folder',
  ]);
});

test('all problems of all files come at once', async (t) => {
  const dir = await folder(t, {
    'a.yaml': 'metrics: {counters: [{name: a}]}\n',
    'b.yaml': 'nonsense\n',
    'c.yaml': new Uint8Array([0x61, 0xff, 0xfe]),
    'e.yaml': `# ${'x'.repeat(256 * 1024)}`,
  });
  await mkdir(join(dir, 'd.yaml'));
  assert.deepEqual(await problemsOf(dir, ['a', 'b', 'c', 'd', 'e', 'f']), [
    'DIR: has no config "f"; did you mean a?',
    'DIR/a.yaml:1:22: metrics.counters[0].help: is missing; give text',
    'DIR/b.yaml:1:1: is "nonsense"; it must be a map of keys',
    'DIR/c.yaml: is not UTF-8 text; save it as UTF-8',
    'DIR/d.yaml: cannot be read: EISDIR: illegal operation on a directory; check that it is a file and may be read',
    'DIR/e.yaml: is larger than 262144 bytes; is it the right file?',
  ]);
});

test('nothing is on by default', async (t) => {
  const dir = await folder(t, { 'a.yaml': `${counter('a')}defaults: off\n`, 'a.bpf.o': '' });
  assert.deepEqual(await problemsOf(dir), ['DIR: every config here says defaults: off; name one: a']);
});

const pairs: [string, string, string, string | null][] = [
  ['the same definition', counter('x'), counter('x'), null],
  ['the same histogram, the bucket called otherwise', histogram('x'), histogram('x', 3, 'slot'), null],
  ['another help', counter('x'), counter('x', 'Other'), 'x is also in DIR/a.yaml:3, with another help text'],
  [
    'another type',
    counter('x'),
    histogram('x'),
    'x is also in DIR/a.yaml:3, with another type (a counter there, a histogram here)',
  ],
  [
    'other labels',
    counter('x'),
    counter('x', 'Help', '      labels: [{name: b, size: 4, decoders: [{name: uint}]}]\n'),
    'x is also in DIR/a.yaml:3, with other labels (none there, b here)',
  ],
  ['other buckets', histogram('x'), histogram('x', 4), 'x is also in DIR/a.yaml:3, with other buckets'],
  [
    'a series of a histogram',
    histogram('x'),
    counter('x_count'),
    'x_count is also a series of the histogram x in DIR/a.yaml:3',
  ],
];
for (const [what, first, second, message] of pairs) {
  test(`two configs with ${what}`, async (t) => {
    const dir = await folder(t, { 'a.yaml': first, 'b.yaml': second, 'a.bpf.o': '', 'b.bpf.o': '' });
    const problems = await problemsOf(dir);
    if (message === null) assert.deepEqual(problems, []);
    else {
      assert.equal(problems.length, 1);
      const place = /^DIR\/b\.yaml:3:7: metrics\.\w+\[0\]\.name: /;
      assert.match(problems[0] ?? '', place);
      assert.ok(problems[0]?.replace(place, '').startsWith(`${message}; `), problems[0]);
    }
    assert.equal((await checkConfigs(dir)).length, problems.length);
  });
}

test('two forms of one metric may lie in a folder when both are off by default, and not run together', async (t) => {
  const off = (yaml: string): string => `${yaml}defaults: off\n`;
  const [plain, fine] = [off(histogram('x')), off(histogram('x', 4))];
  const dir = await folder(t, { 'a.yaml': plain, 'b.yaml': fine, 'a.bpf.o': '', 'b.bpf.o': '' });
  assert.deepEqual(await checkConfigs(dir), []);
  assert.equal((await loadTexts(dir)).length, 2);
  const together = ['DIR/b.yaml:3:7: metrics.histograms[0].name: x is also in DIR/a.yaml:3, with other buckets'];
  assert.deepEqual(
    (await problemsOf(dir, ['a', 'b'])).map((problem) => problem.split(';')[0]),
    together,
  );
});

test('what is off by default is checked against what is on', async (t) => {
  const dir = await folder(t, { 'a.yaml': histogram('x'), 'b.yaml': `${histogram('x', 4)}defaults: off\n` });
  const problems = await checkConfigs(dir);
  assert.deepEqual(
    problems.map(({ file, message }) => [file, message]),
    [[join(dir, 'b.yaml'), `x is also in ${join(dir, 'a.yaml')}:3, with other buckets`]],
  );
});

test('checkConfigs needs no objects: the good fixtures pass, the broken ones do not', async () => {
  assert.deepEqual(await checkConfigs(join(FIXTURES, 'good')), []);
  const files = new Set((await checkConfigs(join(FIXTURES, 'broken'))).map(({ file }) => file));
  assert.equal(files.size, fixtures('broken').length);
  const none = await checkConfigs(join(FIXTURES, 'none'));
  assert.match(none[0]?.message ?? '', /^cannot be read: ENOENT/);
});

test('texts are loaded without their objects, all or those named, with every problem', async (t) => {
  const dir = await folder(t, { 'a.yaml': counter('a'), 'b.yaml': `${counter('b')}defaults: off\n` });
  const names = async (wanted?: string[]): Promise<string[]> => (await loadTexts(dir, wanted)).map(({ name }) => name);
  assert.deepEqual(await names(), ['a', 'b']);
  assert.deepEqual(await names(['b']), ['b']);
  await assert.rejects(names(['c']), /has no config "c"/);
  await assert.rejects(loadTexts(join(dir, 'none')), /cannot be read/);
});
