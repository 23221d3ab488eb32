import assert from 'node:assert/strict';
import test from 'node:test';
import { HostPoints } from '../../../../aggregator/output/influx/host-points.js';
import { addFamily, addTo, influxHost, seriesOf, writeHost } from '../../../harness/influx-host.js';
import { startInflux } from '../../../services/influxdb.js';

/** Label values, and what the README says is stored of them. */
const VALUES: readonly (readonly [value: string | Uint8Array, stored: string])[] = [
  ['a b', 'a b'],
  ['a,b', 'a,b'],
  ['a=b', 'a=b'],
  ['say "hello"', 'say "hello"'],
  ['two\nlines', 'two\\nlines'],
  ['two\\nlines', 'two\\\\nlines'],
  ['back\\slash', 'back\\\\slash'],
  ['\\, \\= \\ ', '\\\\, \\\\= \\\\ '],
  ['C:\\', 'C:\\x5c'],
  ['C:\\\\', 'C:\\\\\\x5c'],
  ['C:\\x5c', 'C:\\\\x5c'],
  ['\ttab\r', '\ttab\r'],
  ['🐧 ≥ é', '🐧 ≥ é'],
  [Uint8Array.of(0x61, 0xff, 0xfe), 'a\ufffdff\ufffdfe'],
  ['\ufffdff', '\ufffd\ufffdff'],
  ["#it's", "#it's"],
];

for (const version of [1, 2] as const) {
  test(`version ${version} gives back what is stored of each label, as a tag and as a field`, async (t) => {
    const influx = await startInflux(t, { version });
    const host = influxHost();
    for (const name of ['tagged', 'fielded']) {
      const family = addFamily(host, { name, labels: ['other', 'text'] });
      VALUES.forEach(([value], i) => addTo(family, seriesOf(family, 'o', value), BigInt(i)));
      addTo(family, seriesOf(family, '', ''), BigInt(VALUES.length));
    }
    const fields = [{ metric: 'fielded', labels: ['text'] }];
    let lines = '';
    writeHost(host, new HostPoints({ hostTag: 'instance', fields, heartbeatMs: 0 }), (batch) => {
      lines += batch.lines.toString();
    });
    const parameters = new URLSearchParams({ org: influx.org, bucket: influx.bucket, precision: 'ns' }).toString();
    const headers = { authorization: `Token ${influx.token}` };
    const answer = await fetch(`${influx.url}/api/v2/write?${parameters}`, { method: 'POST', body: lines, headers });
    assert.equal(answer.status, 204, await answer.text());
    for (const name of ['tagged', 'fielded']) {
      const rows = await influx.query(`SELECT * FROM ${name}`);
      const byValue = rows.sort((a, b) => Number(a['value']) - Number(b['value']));
      // A tag that is empty is not there: null, which the harness leaves out; a field can be empty.
      const stored = [...VALUES.map(([, text]) => text), name === 'tagged' ? undefined : ''];
      assert.deepEqual(
        byValue.map(({ text }) => text),
        stored,
      );
      assert.equal(byValue.at(-1)!['other'], undefined);
    }
  });
}
