import assert from 'node:assert/strict';
import test from 'node:test';
import { runChild } from '../../harness/child.js';
import { until } from '../../harness/until.js';
import { testFolder } from '../../services/folders.js';
import { findProcess } from '../../services/process.js';
import { Server } from '../../services/server.js';

const SERVER = new URL('../../services/server.js', import.meta.url).href;

test('a server that ends instead of serving is said with the end of its log', async (t) => {
  const server = new Server({
    name: 'broken',
    folder: testFolder(t, 'server'),
    command: 'sh',
    args: ['-c', 'echo no such port; exit 3'],
    ready: () => Promise.reject(new Error('refused')),
  });
  await assert.rejects(server.start(), /broken ended instead of serving.*no such port/s);
  assert.equal(server.pid, undefined);
});

test('no server outlives the process of its test, however that ends', async (t) => {
  const code = `
    const { Server } = await import(${JSON.stringify(SERVER)});
    const folder = ${JSON.stringify(testFolder(t, 'server'))};
    const server = new Server({ name: 'sleeper', folder, command: 'sleep', args: ['1000'], ready: async () => {} });
    await server.start();
    console.log(server.pid);
    process.kill(process.pid, 'SIGKILL');`;
  const { stdout } = await runChild('--input-type=module', ['-e', code]);
  const pid = Number(stdout);
  assert.ok(pid > 0);
  // The kernel kills it when it has buried its parent, which we may hear of first.
  await until(() => findProcess(pid) === undefined, 'the server is killed');
});
