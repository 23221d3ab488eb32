import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { freePort } from '../harness/free-port.js';
import { runSonde } from '../harness/sonde.js';
import { assertRefused } from './assert-refused.js';

const HOP = 'instance="h",hop="bus"';
const GOOD = `# TYPE sonde_ledger_in_total counter
sonde_ledger_in_total{${HOP}} 9
sonde_ledger_out_total{${HOP}} 7
sonde_ledger_waiting{${HOP}} 1
sonde_lost_total{${HOP},reason="gap"} 1
other_total{le="0.5"} 1e+21
`;

async function metrics(t: TestContext, text: string, login?: string): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') response.statusCode = 404;
    if (login !== undefined && request.headers.authorization !== `Basic ${btoa(login)}`) response.statusCode = 401;
    response.end(text);
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('sonde ledger reads several aggregators, and its status says whether all adds up', async (t) => {
  const good = await metrics(t, GOOD);
  const bad = await metrics(t, GOOD.replaceAll('"h"', '"other"').replace('} 7', '} 6'));
  const one = await runSonde(['ledger', '--url', `${good}/metrics`]);
  assert.deepEqual([one.status, one.stderr], [0, '']);
  assert.match(one.stdout, /^h +bus +9 +7 +1 +gap 1 +yes$/m);
  const two = await runSonde(['ledger', '--url', `${good}/metrics`, '--url', `${bad}/metrics`]);
  assert.equal(two.status, 1);
  assert.match(two.stdout, /^h +bus .* yes$/m);
  assert.match(two.stdout, /^other +bus .* NO$/m);
  assert.match(two.stdout, /not in 1 of 2: other bus: 1 unaccounted for/);
});

test('what has no ledger is refused with what to do', async (t) => {
  const url = await metrics(t, 'up 1\n');
  const nobody = `http://127.0.0.1:${await freePort()}/metrics`;
  assertRefused(await runSonde(['ledger', '--url', nobody]), /cannot be reached \(ECONNREFUSED\): give --url/);
  assertRefused(await runSonde(['ledger', '--url', `${url}/else`]), /answers 404: give --url/);
  assertRefused(await runSonde(['ledger', '--url', `${url}/metrics`]), /no hosts there \(yet\)/);
  assertRefused(await runSonde(['ledger', '--url', 'nonsense']), /nonsense cannot be reached/);
});

test('a URL may hold the login, which no message shows', async (t) => {
  const url = `${await metrics(t, GOOD, 'ann:open sesame')}/metrics`;
  const withLogin = url.replace('//', '//ann:open%20sesame@');
  assert.equal((await runSonde(['ledger', '--url', withLogin])).status, 0);
  assertRefused(await runSonde(['ledger', '--url', url]), /asks for a login: write it before the host, USER:PASSWORD@/);
  const wrong = await runSonde(['ledger', '--url', withLogin.replace('sesame', 'sesamf')]);
  assertRefused(wrong, /asks for a login/);
  assert.doesNotMatch(wrong.stderr, /sesamf|ann/);
});
