import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { loadKafkaJs } from '../../../../wire/kafka/kafkajs.js';
import type { Runner } from '../../../../wire/kafka/stopped-fetch.js';

const require = createRequire(import.meta.url);

interface FetchManager {
  start(): Promise<void>;
}
type CreateFetchManager = (options: object) => FetchManager;

/** Enough of kafkajs's logger. */
const silent = { namespace: () => silent, debug: () => undefined, info: () => undefined };

test('a consumer that stops while brokers change ends its fetches, instead of spinning for ever', async () => {
  loadKafkaJs();
  const { prototype } = require('kafkajs/src/consumer/runner.js') as { prototype: Runner };
  const createFetchManager = require('kafkajs/src/consumer/fetchManager.js') as CreateFetchManager;
  // The first fetches are long ones, and before they end one broker has gone and the consumer has been stopped.
  let nodeIds = [1, 2];
  let fetches = 0;
  let endLongFetch = (): void => undefined;
  const longFetch = new Promise<void>((resolve) => (endLongFetch = resolve));
  const runner = {
    running: true,
    logger: silent,
    instrumentationEmitter: { emit: () => undefined },
    heartbeat: () => Promise.resolve(),
    consumerGroup: {
      fetch: async () => {
        fetches++;
        await longFetch;
        return [];
      },
    },
  };
  const manager = createFetchManager({
    logger: silent,
    getNodeIds: () => nodeIds,
    fetch: (nodeId: number) => prototype.fetch.call(runner as unknown as Runner, nodeId),
    handler: () => Promise.resolve(),
  });
  const ended = assert.rejects(manager.start(), { name: 'KafkaJSError', retriable: true });
  await new Promise((resolve) => setImmediate(resolve));
  nodeIds = [1];
  runner.running = false;
  endLongFetch();
  await ended;
  assert.equal(fetches, 2, 'one of each broker, and none after the stop');
});
