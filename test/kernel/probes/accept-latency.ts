import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AimedNetwork } from '../../harness/aimed-network.js';
import { total, type Sample } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';
import { ended, says, type Namespace } from '../../harness/netns.js';
import { until } from '../../harness/until.js';
import type { ConnectionsArgument } from '../../harness/workload-connections.js';
import type { ServeArgument } from '../../harness/workload-serve.js';

const METRIC = 'ebpf_exporter_accept_latency_seconds';
/** Of no other test. */
const PORT = 9871;
const [FAST, SLOW, RESET] = [23, 7, 5];
const STOPPED_MS = 3000;
/** Bounds of buckets, the one below STOPPED_MS and the one above. */
const [BELOW, ABOVE] = [2.097152, 4.194304];

export function acceptLatencyTests(sonde: Scraped, fixture: AimedNetwork): void {
  describe('accept-latency', () => {
    let process: ChildProcess;

    before(async () => {
      process = await serve(fixture.network.server);
    });
    after(async () => {
      process.stdin!.end();
      await ended(process);
    });

    /** Connections from the client's namespace that are there while `work` runs, and are reset then. */
    async function connected(count: number, work: () => Promise<void> = () => Promise.resolve()): Promise<void> {
      const { client, server } = fixture.network;
      const argument: ConnectionsArgument = { host: server.ipv4, port: PORT, count };
      const connections = client.spawn('connections', argument);
      await says(connections, 'connected');
      await work();
      connections.stdin!.end();
      await ended(connections);
    }

    /** Waits until so many more have been accepted than in `from`. */
    async function accepted(count: number, from: readonly Sample[]): Promise<Sample[]> {
      let samples: Sample[] = [];
      await until(async () => {
        samples = await sonde.metrics();
        return counted(samples) >= counted(from) + count;
      }, `${count} connections to be accepted`);
      assert.equal(counted(samples) - counted(from), count);
      return samples;
    }

    test(`counts ${FAST} connections that a server accepts`, async () => {
      const from = await sonde.metrics();
      await connected(FAST, async () => void (await accepted(FAST, from)));
      assert.equal(counted(await sonde.metrics()) - counted(from), FAST);
    });

    test(`has ${SLOW} connections to a server that is stopped for 3 s in the bucket of 3 s`, async () => {
      const from = await sonde.metrics();
      process.kill('SIGSTOP');
      const startMs = performance.now();
      await connected(SLOW, async () => {
        await sleep(STOPPED_MS);
        process.kill('SIGCONT');
        const samples = await accepted(SLOW, from);
        const seconds = (performance.now() - startMs) / 1000;
        const within = (bound: number): number => upTo(samples, bound) - upTo(from, bound);
        assert.equal(within(BELOW), 0, 'none sooner than they were accepted');
        // On a machine that is busy with other things the server may go on late.
        const bound = seconds <= ABOVE ? ABOVE : 2 ** Math.ceil(Math.log2(seconds * 1e6)) / 1e6;
        assert.equal(within(bound), SLOW);
        const sum = total(samples, `${METRIC}_sum`) - total(from, `${METRIC}_sum`);
        assert.ok(sum >= (SLOW * STOPPED_MS) / 1000 && sum <= SLOW * seconds, `${sum} s in all`);
      });
    });

    test('counts none that was reset before it was accepted', async () => {
      const from = await sonde.metrics();
      process.kill('SIGSTOP');
      await connected(RESET);
      process.kill('SIGCONT');
      // The queue is in order: when the server has this one, it has had those.
      await connected(1, async () => void (await accepted(1, from)));
    });

    test('counts none of another network namespace', async () => {
      const { client } = fixture.network;
      const other = await serve(client);
      const from = await sonde.metrics();
      const argument: ConnectionsArgument = { host: '127.0.0.1', port: PORT, count: RESET };
      const connections = client.spawn('connections', argument);
      await says(connections, 'connected');
      connections.stdin!.end();
      await ended(connections);
      other.stdin!.end();
      await ended(other);
      assert.equal(counted(await sonde.metrics()) - counted(from), 0);
    });
  });
}

async function serve(namespace: Namespace): Promise<ChildProcess> {
  const server = namespace.spawn('serve', { port: PORT } satisfies ServeArgument);
  await says(server, 'listening');
  return server;
}

function counted(samples: readonly Sample[]): number {
  return total(samples, `${METRIC}_count`);
}

/** Of all ports: the probe is aimed, so there is none but this. */
function upTo(samples: readonly Sample[], bound: number): number {
  return total(samples, `${METRIC}_bucket`, { port: String(PORT), le: String(bound) });
}
