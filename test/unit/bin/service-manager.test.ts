import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { ServiceManager } from '../../../bin/service-manager.js';
import { createLogger } from '../../../lib/log.js';

interface Managed {
  readonly manager: ServiceManager;
  readonly sent: string[];
  /** The send that fails, and what was logged of it. */
  fails: boolean;
  readonly warnings: unknown[];
}

function managed(t: TestContext, environment: NodeJS.ProcessEnv): Managed {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const log = createLogger({ debug: false, timestamps: false });
  const warnings: unknown[] = [];
  t.mock.method(log, 'warn', (message: unknown) => warnings.push(message));
  const sent: string[] = [];
  const sendDatagram = (path: string, text: string): void => {
    if (result.fails) throw new Error(`cannot send to ${path}`);
    sent.push(`${path} ${text}`);
  };
  const manager = new ServiceManager({ log, native: { sendDatagram }, environment, pid: 42 });
  const result = { manager, sent, fails: false, warnings };
  return result;
}

test('nobody asked: nothing is sent', (t) => {
  const { manager, sent } = managed(t, { WATCHDOG_USEC: '1000000' });
  manager.ready('x');
  t.mock.timers.tick(10_000);
  manager.stopping();
  assert.deepEqual(sent, []);
});

test('a sign of life twice in the time that there is for one, while reads come to their end', (t) => {
  const { manager, sent } = managed(t, { NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '3000000', WATCHDOG_PID: '42' });
  t.mock.timers.tick(10_000);
  assert.deepEqual(sent, [], 'it does not serve yet');
  let pollAgeMs = 0;
  manager.ready('all is well', () => pollAgeMs);
  assert.deepEqual(sent.splice(0), ['/s READY=1\nSTATUS=all is well', '/s WATCHDOG=1']);
  t.mock.timers.tick(1499);
  assert.deepEqual(sent, []);
  t.mock.timers.tick(1);
  assert.deepEqual(sent.splice(0), ['/s WATCHDOG=1']);
  pollAgeMs = 120_001;
  t.mock.timers.tick(15_000);
  assert.deepEqual(sent, [], 'a read that hangs');
  pollAgeMs = 10;
  t.mock.timers.tick(3000);
  assert.deepEqual(sent, ['/s WATCHDOG=1', '/s WATCHDOG=1']);
});

test('without a watchdog, or with one of another process, there are no signs of life', (t) => {
  for (const watchdog of [
    {},
    { WATCHDOG_USEC: '0' },
    { WATCHDOG_USEC: 'x' },
    { WATCHDOG_USEC: '1000', WATCHDOG_PID: '43' },
  ]) {
    const { manager, sent } = managed(t, { NOTIFY_SOCKET: '@s', ...watchdog });
    manager.ready('x');
    t.mock.timers.tick(10_000);
    assert.deepEqual(sent, ['@s READY=1\nSTATUS=x']);
    t.mock.timers.reset();
  }
});

test('a socket that takes nothing is said once, and again when it had taken something', (t) => {
  const state = managed(t, { NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '1000000' });
  state.fails = true;
  state.manager.ready('x');
  t.mock.timers.tick(5000);
  assert.deepEqual(state.warnings, ['NOTIFY_SOCKET: cannot send to /s']);
  state.fails = false;
  t.mock.timers.tick(500);
  state.fails = true;
  t.mock.timers.tick(5000);
  assert.equal(state.warnings.length, 2);
});
