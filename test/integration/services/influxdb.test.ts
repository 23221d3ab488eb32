import assert from 'node:assert/strict';
import test from 'node:test';
import { testFolder } from '../../services/folders.js';
import { influxdProgram } from '../../services/influxdb-files.js';
import { startInflux, type InfluxAccess } from '../../services/influxdb.js';

async function write({ url, org, bucket, token }: InfluxAccess, lines: string): Promise<Response> {
  const parameters = new URLSearchParams({ org, bucket, precision: 'ns' }).toString();
  const headers = token === '' ? {} : { authorization: `Token ${token}` };
  return fetch(`${url}/api/v2/write?${parameters}`, { method: 'POST', body: lines, headers });
}

for (const version of [1, 2] as const) {
  test(`version ${version} takes points, gives them back exactly, and has them yet after kill -9`, async (t) => {
    const influx = await startInflux(t, { version });
    const line = 'answers,host=a value=9007199254740993i,text="a \\"quoted\\" 23" 1700000000000000001\n';
    assert.equal((await write(influx, line)).status, 204);
    const select = 'SELECT * FROM answers';
    const row = {
      time: '1700000000000000001',
      host: 'a',
      text: 'a "quoted" 23',
      value: '9007199254740993',
    };
    assert.deepEqual(await influx.query(select), [row]);
    await assert.rejects(influx.query('SELEC'), /refuses SELEC: .*pars/);

    await influx.kill();
    await assert.rejects(influx.query(select));
    await influx.restart();
    assert.deepEqual(await influx.query(select), [row]);
    await influx.stop();
  });
}

test('version 2 wants its token', async (t) => {
  const influx = await startInflux(t, { version: 2 });
  assert.equal((await write({ ...influx, token: 'another' }, 'answers value=1i\n')).status, 401);
});

test('a download that fails is said to be that', async (t) => {
  const before = { ...process.env };
  t.after(() => (process.env = before));
  const empty = testFolder(t, 'modules');
  Object.assign(process.env, { GOPROXY: 'off', GOMODCACHE: empty, GOFLAGS: '-modcacherw' });
  await assert.rejects(
    influxdProgram(1, testFolder(t, 'cache')),
    /InfluxDB 1\.8\.10 cannot be built: the download of its modules failed.*GOPROXY/,
  );
});
