import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { createServer } from 'node:tls';
import { writeBatch, type Written } from '../../../../aggregator/output/influx/batch-writer.js';
import { InfluxLink } from '../../../../aggregator/output/influx/influx-link.js';
import type { Batch } from '../../../../aggregator/output/influx/point-buffer.js';
import { batchOf } from '../../../harness/influx-bench.js';
import { makeCertificates } from '../../../services/certificates.js';
import { testFolder } from '../../../services/folders.js';
import { startInflux, type InfluxAccess, type InfluxServer } from '../../../services/influxdb.js';

const YEAR_AGO_NS = BigInt(Date.now() - 365 * 86_400_000) * 1_000_000n;
const NOW_NS = BigInt(Date.now()) * 1_000_000n;

function write({ url, org, bucket, token }: InfluxAccess, batch: Batch, ca?: string): Promise<Written> {
  const link = new InfluxLink({ url, org, bucket, token: () => Promise.resolve(token), ca });
  return writeBatch(batch, (lines) => link.send(lines, new AbortController().signal));
}

/** The server again, with a bucket that keeps points for an hour. */
async function withShortBucket(influx: InfluxServer, version: 1 | 2): Promise<InfluxAccess> {
  if (version === 1) {
    await influx.query('CREATE RETENTION POLICY short ON sonde DURATION 1h REPLICATION 1');
    return { ...influx, bucket: 'sonde/short' };
  }
  const headers = { authorization: `Token ${influx.token}` };
  const { orgs } = (await (await fetch(`${influx.url}/api/v2/orgs`, { headers })).json()) as {
    orgs: readonly { id: string }[];
  };
  const bucket = { orgID: orgs[0]!.id, name: 'short', retentionRules: [{ type: 'expire', everySeconds: 3600 }] };
  const made = await fetch(`${influx.url}/api/v2/buckets`, { method: 'POST', headers, body: JSON.stringify(bucket) });
  assert.equal(made.status, 201);
  return { ...influx, bucket: 'short' };
}

for (const version of [1, 2] as const) {
  test(`version ${version}: points older than the retention policy are dead letters, the others are written`, async (t) => {
    const access = await withShortBucket(await startInflux(t, { version }), version);
    const late = [0n, 1n].map((n) => `m value=${n}i ${YEAR_AGO_NS + n}`);
    const good = [0n, 1n, 2n].map((n) => `m value=${n}i ${NOW_NS + n}`);
    const written = await write(access, batchOf(good[0]!, late[0]!, good[1]!, late[1]!, good[2]!));
    assert.equal(written.points, 3);
    assert.deepEqual(written.later, []);
    const dead = written.dead.map(({ lines }) => lines.toString()).join('');
    assert.deepEqual(dead.trimEnd().split('\n').sort(), late.sort());
    for (const { reason } of written.dead) assert.match(reason, /^4(00|22) .*(retention|dropped)/);
  });
}

/** An address with TLS before a server, for as long as the test lasts. */
async function overTls(t: TestContext, influx: InfluxServer, cert: string, key: string): Promise<string> {
  const { port } = new URL(influx.url);
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => {
    const inner = connect(Number(port), '127.0.0.1');
    socket.pipe(inner).pipe(socket);
    // Whichever ends takes the other along.
    socket.on('error', () => inner.destroy()).on('close', () => inner.destroy());
    inner.on('error', () => socket.destroy()).on('close', () => socket.destroy());
  });
  server.on('tlsClientError', () => undefined).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('TLS: written where the authority is given; without it points wait, and the reason names the certificate', async (t) => {
  const influx = await startInflux(t);
  const certificates = await makeCertificates(testFolder(t, 'influx-tls'));
  const url = await overTls(t, influx, certificates.serverCertFile, certificates.serverKeyFile);
  const batch = batchOf(`m value=1i ${NOW_NS}`);
  const refused = await write({ ...influx, url }, batch);
  assert.equal(refused.points, 0);
  assert.deepEqual(refused.later, [batch]);
  assert.match(refused.reason!, /certificate/i);
  const written = await write({ ...influx, url }, batch, readFileSync(certificates.caFile, 'utf8'));
  assert.equal(written.points, 1, written.reason);
  assert.equal((await influx.query('SELECT value FROM m'))[0]?.['value'], '1');
});
