import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { freePort } from '../harness/free-port.js';
import { notifySocket } from '../harness/notify-socket.js';
import { runSonde, startSonde } from '../harness/sonde.js';
import { until } from '../harness/until.js';
import { testFolder } from '../services/folders.js';
import { assertForPeople } from './assert-refused.js';

test('systemd hears that it is ready once it answers, that it lives, and that it stops', async (t) => {
  const socket = join(testFolder(t, 'notify'), 'socket');
  const port = await freePort();
  let answered: Promise<string> | undefined;
  const messages = await notifySocket(t, socket, (message) => {
    if (message.startsWith('READY=1'))
      answered = fetch(`http://127.0.0.1:${port}/metrics`).then((answer) => answer.text());
  });
  const sonde = await startSonde(t, ['--config.names', 'timers', '--web.listen-address', `127.0.0.1:${port}`], 'run', [
    'env',
    `NOTIFY_SOCKET=${socket}`,
    'WATCHDOG_USEC=400000',
  ]);
  await until(() => messages.length >= 4, 'three signs of life');
  assert.equal(messages[0], 'READY=1\nSTATUS=attached: timers; nothing was refused');
  assert.deepEqual(new Set(messages.slice(1)), new Set(['WATCHDOG=1']));
  assert.match((await answered) ?? '', /^ebpf_exporter_timer_starts_total\{/m);
  assert.equal(await sonde.stop(), 0);
  await until(() => messages.includes('STOPPING=1\nSTATUS=stopping'), 'the last message');
  assert.equal(messages.filter((message) => message.startsWith('READY')).length, 1);
  assertForPeople(sonde.stderr());
});

test('sonde collect tells it, too, by an abstract name', async (t) => {
  const name = `@sonde-test-${process.pid}`;
  const messages = await notifySocket(t, name);
  const args = ['--config.names', 'timers', '--kafka.brokers', '127.0.0.1:1', '--spool.dir', testFolder(t, 'spool')];
  const sonde = await startSonde(t, args, 'collect', ['env', `NOTIFY_SOCKET=${name}`]);
  await until(() => messages.length > 0, 'the first message');
  assert.deepEqual(messages, ['READY=1\nSTATUS=attached: timers; nothing was refused']);
  assert.equal(await sonde.stop(), 0);
});

test('sonde aggregate is ready when it can be asked, whatever brokers do', async (t) => {
  const socket = join(testFolder(t, 'notify'), 'socket');
  const messages = await notifySocket(t, socket);
  const args = ['--kafka.brokers', '127.0.0.1:1', '--web.listen-address', '127.0.0.1:0'];
  const ended = runSonde(['aggregate', ...args], { env: { NOTIFY_SOCKET: socket }, timeoutMs: 5000 });
  await until(() => messages.length > 0, 'the first message');
  assert.match(messages[0]!, /^READY=1\nSTATUS=member of group sonde, http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  await ended;
});

test('what does not come to serve is never ready', async (t) => {
  const socket = join(testFolder(t, 'notify'), 'socket');
  const messages = await notifySocket(t, socket);
  const env = { NOTIFY_SOCKET: socket };
  assert.equal((await runSonde(['run', '--config.names', 'timers', '--config.check'], { env })).status, 0);
  assert.equal(
    (await runSonde(['run', '--config.names', 'timers', '--web.listen-address', '192.0.2.1:1'], { env })).status,
    1,
  );
  assert.deepEqual(messages, []);
});

test('a socket that nobody reads is a warning, and no more', async (t) => {
  const sonde = await startSonde(t, ['--config.names', 'timers'], 'run', ['env', 'NOTIFY_SOCKET=/nowhere/socket']);
  assert.match(
    sonde.stderr(),
    /WARN: NOTIFY_SOCKET: cannot send to \/nowhere\/socket: No such file or directory \(ENOENT\)$/m,
  );
  assert.equal((await fetch(`${sonde.url}/healthz`)).status, 200);
});
