import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { classifyError, ConfigError, ERROR_CODES, formatProblem, SondeError } from '../../../wire/errors.js';

function withCode(code: string, name = 'Error'): Error {
  return Object.assign(new Error(`${code}: failed`), { code, name });
}

test('every code makes an error that says the same code, and is listed in the README', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../../../wire/config/README.md'), 'utf8');
  for (const [code, facts] of Object.entries(ERROR_CODES)) {
    const error = new SondeError(code as keyof typeof ERROR_CODES, 'text', { stage: 'read' });
    assert.equal(error.code, code);
    assert.equal(error.retryable, facts.retryable);
    assert.equal(error.stage, 'read');
    assert.equal(error.name, 'SondeError');
    const row = `| \`${code}\` | ${facts.retryable ? 'yes' : 'no'} | ${facts.meaning} |`;
    assert.ok(readme.includes(row), `README lacks: ${row}`);
  }
});

test('ConfigError keeps its own code when its cause has one', () => {
  const problem = { file: 'a.yaml', path: '', line: 0, column: 0, message: 'cannot be read' };
  const error = new ConfigError([problem], { cause: withCode('ENOENT') });
  assert.equal(error.code, 'CONFIG');
  assert.equal(error.name, 'ConfigError');
  assert.equal(error.stage, 'config');
  assert.deepEqual(error.problems, [problem]);
  assert.equal((error.cause as { code: string }).code, 'ENOENT');
});

test('ConfigError lists every problem, one a line', () => {
  const one = {
    file: 'a.yaml',
    path: 'metrics.counters[0].help',
    line: 3,
    column: 7,
    message: 'is missing',
    hint: 'add it',
  };
  const two = { file: 'dir', path: '', line: 0, column: 0, message: 'is empty' };
  assert.equal(
    new ConfigError([one, two]).message,
    'a.yaml:3:7: metrics.counters[0].help: is missing; add it\ndir: is empty',
  );
  assert.equal(formatProblem({ ...two, detail: 'x | y\nz' }), 'dir: is empty\n    x | y\n    z');
});

const thrown: [string, unknown, string, boolean][] = [
  ['a system error of a file', withCode('EACCES'), 'FILE', false],
  ['a port in use', withCode('EADDRINUSE'), 'ADDRESS', false],
  ['a refused connection', withCode('ECONNREFUSED'), 'NETWORK', true],
  ['no more files', withCode('EMFILE'), 'RESOURCES', true],
  ['a timeout of the system', withCode('ETIMEDOUT'), 'TIMEOUT', true],
  ['a refusal of the kernel', withCode('EPERM', 'NativeError'), 'KERNEL', false],
  ['a busy kernel', withCode('EAGAIN', 'NativeError'), 'KERNEL_BUSY', true],
  ['a closed handle', withCode('CLOSED', 'NativeError'), 'CLOSED', false],
  ['an abort', new DOMException('stop', 'AbortError'), 'ABORTED', false],
  ['an aborted signal', AbortSignal.abort().reason, 'ABORTED', false],
  ['a programmer error', new TypeError('x is not a function'), 'INTERNAL', false],
  ['an unknown code', withCode('E_SOMETHING'), 'INTERNAL', false],
  ['text', 'oops', 'INTERNAL', false],
  ['nothing', undefined, 'INTERNAL', false],
  ['null', null, 'INTERNAL', false],
  ['an object without text', Object.create(null), 'INTERNAL', false],
  ['a wrapped system error', new Error('outer', { cause: withCode('ECONNRESET') }), 'NETWORK', true],
  ['one of several', new AggregateError([new Error('a'), withCode('ECONNREFUSED')]), 'NETWORK', true],
  [
    'one of ours, wrapped',
    new Error('outer', { cause: new SondeError('FRAME_MALFORMED', 'bad') }),
    'FRAME_MALFORMED',
    false,
  ],
];
for (const [what, value, code, retryable] of thrown) {
  test(`classifyError tells ${what}`, () => {
    const error = classifyError(value, 'output');
    assert.equal(error.code, code);
    assert.equal(error.retryable, retryable);
    assert.equal(error.cause, value);
    assert.notEqual(error.message, undefined);
  });
}

test('classifyError gives one of ours back as it is', () => {
  const error = new SondeError('TIMEOUT', 'late');
  assert.equal(classifyError(error), error);
});

test('classifyError ends on a cycle of causes', () => {
  const error: Error & { cause?: unknown } = new Error('round');
  error.cause = error;
  assert.equal(classifyError(error).code, 'INTERNAL');
});
