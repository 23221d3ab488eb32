import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { Aggregator } from '../../../../aggregator/aggregator.js';
import { registerPage } from '../../../../aggregator/console/page.js';
import { aggregatorMetrics } from '../../../../aggregator/metrics.js';
import { createLogger } from '../../../../lib/log.js';
import { createWebServer } from '../../../../lib/web-server.js';
import { encodeFrame, packU32, type FrameInit } from '../../../../wire/frame.js';
import { MemoryBus } from '../../../../wire/memory-bus.js';

type Body = NonNullable<FrameInit['body']>;
type Manifest = Extract<Body, { case: 'manifest' }>['value'];
/** As it is written down: the other member of the union is a decoded one. */
type Config = Exclude<NonNullable<Manifest['configs']>[number], { $typeName: string }>;

/** The page of an aggregator that was sent these bodies by one host. */
function pageAfter(...bodies: readonly Body[]): Promise<string> {
  return pageOf(bodies.map((body) => ['h', body]));
}

/** The page of an aggregator that was sent these bodies, each by the host with that id. */
async function pageOf(sent: readonly (readonly [hostId: string, body: Body])[]): Promise<string> {
  const bus = new MemoryBus();
  const aggregator = new Aggregator({
    consumer: bus,
    metrics: aggregatorMetrics(new Registry()),
    log: createLogger({ debug: false, timestamps: false }),
    metricPrefix: 'p_',
    maxSeriesPerMetric: 100,
  });
  await aggregator.start();
  let seq = 0n;
  for (const [hostId, body] of sent) {
    const isState = body.case === 'mapRows';
    seq++;
    const frame = {
      hostId,
      session: new Uint8Array(16),
      recordsSeq: isState ? 0n : seq,
      stateSeq: isState ? seq : 0n,
      body,
    };
    await bus.publish([{ key: hostId, value: encodeFrame(frame) }]);
  }
  const server = createWebServer();
  registerPage(server, { aggregator, metricsPath: '/m"etrics', version: '1.2.3' });
  const response = await server.inject('/');
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers['content-type'], 'text/html; charset=utf-8');
  assert.match(String(response.headers['content-security-policy']), /^default-src 'none';/);
  await server.close();
  return response.body;
}

/** What a reader sees: tags out, entities back, white space as one blank. */
function visible(markup: string): string {
  return markup
    .replace(/<style>[^]*?<\/style>/, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&lt;|&gt;|&quot;|&#39;|&amp;/g, (entity) => ENTITIES[entity]!)
    .replace(/\s+/g, ' ');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&amp;': '&',
};

function manifest(...configs: readonly Config[]): Body {
  return manifestOf('web-1', configs);
}

function manifestOf(hostname: string, configs: readonly Config[]): Body {
  const host = { hostname, kernelRelease: '6.1.0', arch: 'x86_64', possibleCpus: 4, labels: { rack: 'r7' } };
  return { case: 'manifest', value: { host, configs: [...configs] } };
}

const COUNTER_YAML = `metrics:
  counters:
    - name: packets_total
      help: Packets & more
      labels:
        - {name: port, size: 4, decoders: [{name: uint}]}
`;
const HISTOGRAM_YAML = `metrics:
  histograms:
    - name: wait_seconds
      help: Time waited
      bucket_type: exp2
      bucket_max: 3
      labels:
        - {name: bucket, size: 4, decoders: [{name: uint}]}
`;

function config(id: number, yaml: string, map: string, rest: Partial<Config> = {}): Config {
  const shape = { id: 0, name: map, type: 'hash', keySize: 4, valueSize: 8, maxEntries: 10 };
  return { id, name: `config-${id}`, yaml: Buffer.from(yaml), epoch: 1, maps: [shape], ...rest };
}

/** Rows of keys 0, 1, …, each counting 1. */
function rows(configId: number, count: number): Body {
  const numbers = Uint32Array.from({ length: count }, (_, i) => i);
  const values = Uint32Array.from({ length: count * 2 }, (_, i) => 1 - (i % 2));
  return {
    case: 'mapRows',
    value: {
      configId,
      epoch: 1,
      mapId: 0,
      slots: packU32(numbers),
      generations: packU32(new Uint32Array(count).fill(1)),
      keys: packU32(numbers),
      values: packU32(values),
    },
  };
}

test('before any frame the page says that nobody has reported', async () => {
  const text = visible(await pageAfter());
  assert.match(text, /Sonde 1\.2\.3 0 of 0 programs attached, 0 series/);
  assert.match(text, /No host has reported yet\./);
});

test('each program is there with its state, and with the reason when it does not run', async () => {
  const programs = [
    { name: 'seen', section: 'tp_btf/seen', loaded: true, attached: true },
    { name: 'half', section: 'kprobe/half', loaded: true, reason: 'no kprobes in this kernel' },
    { name: 'none', section: 'fentry/none', variant: 'fast', reason: 'fentry is not permitted by this kernel' },
  ];
  const text = visible(await pageAfter(manifest({ ...config(0, COUNTER_YAML, 'packets_total'), programs })));
  assert.match(text, /1 of 3 programs attached/);
  assert.match(text, /web-1 Linux 6\.1\.0 · x86_64 · 4 CPUs rack="r7"/);
  assert.match(text, /config-0 seen tp_btf\/seen attached half/);
  assert.match(text, /half kprobe\/half not attached: no kprobes in this kernel/);
  assert.match(text, /none variant fast fentry\/none not loaded: fentry is not permitted by this kernel/);
});

test('of many hosts there is a line each: those where a program does not run first, the rest by name', async () => {
  const attached = [{ name: 'seen', section: 'tp_btf/seen', loaded: true, attached: true }];
  const refused = [...attached, { name: 'none', section: 'fentry/none', reason: 'fentry is not permitted' }];
  const hosts = Array.from({ length: 60 }, (_, i) => `web-${10 + i}`).reverse();
  const programsOf = (host: string): Config['programs'] => (host === 'web-60' ? refused : attached);
  const text = visible(
    await pageOf(
      hosts.map((host) => [
        host,
        manifestOf(host, [{ ...config(0, COUNTER_YAML, 'packets_total'), programs: programsOf(host)! }]),
      ]),
    ),
  );
  assert.match(text, /60 of 61 programs attached/);
  assert.match(
    text,
    /60 hosts Host System Programs web-60 rack="r7" Linux 6\.1\.0 · x86_64 · 4 CPUs 1 of 2 attached none : fentry is not permitted web-10 rack="r7" Linux .* 1 of 1 attached web-11 /,
  );
  assert.match(text, /web-58 .* … and 10 more Measured/);
  assert.doesNotMatch(text, /web-59/);
});

test('a metric that nothing feeds is named as left out and is not listed as measured', async () => {
  const silent = { ...config(0, COUNTER_YAML, 'packets_total'), silentMetrics: ['packets_total'] };
  const text = visible(await pageAfter(manifest(silent)));
  assert.match(text, /left out, because nothing feeds it: packets_total/);
  assert.doesNotMatch(text, /p_packets_total/);
});

test('each metric is there with its labels, type, help and as many series as a scrape has', async () => {
  const text = visible(
    await pageAfter(
      manifest(config(0, COUNTER_YAML, 'packets_total'), config(1, HISTOGRAM_YAML, 'wait_seconds')),
      rows(0, 3),
      rows(1, 2),
    ),
  );
  assert.match(text, /p_packets_total by port counter 3 Packets & more/);
  // Buckets 0 to 3, +Inf, sum and count.
  assert.match(text, /p_wait_seconds histogram 7 Time waited/);
  assert.match(text, /attached, 10 series/);
});

test('what a host, a config or a flag says stays text', async () => {
  const hostile = `<script>alert('x')</script>"&`;
  const markup = await pageAfter({
    case: 'manifest',
    value: {
      host: { hostname: hostile, kernelRelease: hostile, arch: hostile },
      configs: [
        {
          ...config(0, COUNTER_YAML.replace('Packets', '<script>Packets'), 'packets_total'),
          name: hostile,
          programs: [{ name: hostile, section: hostile, variant: hostile, reason: hostile }],
          silentMetrics: [hostile],
        },
      ],
    },
  });
  assert.doesNotMatch(markup, /<script/);
  assert.equal(markup.split('&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;').length - 1, 10);
  assert.ok(markup.includes('href="/m&quot;etrics"'));
});
