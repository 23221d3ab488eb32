import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import test from 'node:test';
import { createWebServer, listen } from '../../../lib/web-server.js';

test('a client that stops reading is let go, and one that reads slowly is not', async (t) => {
  const server = createWebServer({ stalledAfterMs: 3000 });
  t.after(() => server.close());
  const chunk = Buffer.alloc(64 * 1024, 'x');
  const CHUNKS = 400;
  const ended: string[] = [];
  server.get('/large', (request, reply) => {
    const { name } = request.query as { name: string };
    reply.raw.once('close', () => ended.push(`${name} ${reply.raw.writableFinished ? 'whole' : 'cut'}`));
    return reply.send(Readable.from(Array.from({ length: CHUNKS }, () => chunk)));
  });
  const port = Number(new URL(await listen(server, { host: '127.0.0.1', port: 0 })).port);

  const stalled = connect(port, '127.0.0.1');
  stalled.on('error', () => undefined); // reset by the server: as meant
  stalled.write('GET /large?name=stalled HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(stalled, 'readable');

  const slow = await fetch(`http://127.0.0.1:${port}/large?name=slow`);
  let bytes = 0;
  let pause = 6;
  for await (const part of slow.body!) {
    bytes += (part as Uint8Array).length;
    // Longer than the limit in all, a quarter of it at a time: a busy machine adds to that.
    if (pause-- > 0) await new Promise((resolve) => setTimeout(resolve, 750));
  }
  assert.equal(bytes, CHUNKS * chunk.length);

  for (let tries = 0; ended.length < 2 && tries < 200; tries++) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(ended.sort(), ['slow whole', 'stalled cut']);
});
