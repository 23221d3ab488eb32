import type { Aggregator } from '../aggregator/aggregator.js';
import type { RedisLink } from '../aggregator/state/redis-link.js';
import type { KafkaConsumer } from '../wire/kafka/kafka-consumer.js';
import type { Readiness } from './web.js';

export interface AggregateParts {
  readonly consumer: Pick<KafkaConsumer, 'lastError' | 'shown' | 'lags'>;
  readonly aggregator: Pick<Aggregator, 'storeAwaySinceMs'>;
  /** Undefined: the state is in this process only. */
  readonly redis: Pick<RedisLink, 'problem' | 'awaySinceMs'> | undefined;
  /** All partitions were read once up to where they ended then. */
  readonly hasRead: boolean;
}

/**
 * Ready from when all partitions were read up to where they ended at the start. Not while the brokers are away: nothing is
 * shown then. Redis may be away: totals are right all the same, and are written down when it is back.
 */
export function aggregateReadiness({ consumer, aggregator, redis, hasRead }: AggregateParts): Readiness {
  const problem = consumer.lastError;
  return {
    ready: hasRead && problem === undefined,
    lines: [`kafka: ${problem?.message ?? progress(consumer, hasRead)}`, `redis: ${stateOf(redis, aggregator)}`],
  };
}

function progress(consumer: AggregateParts['consumer'], hasRead: boolean): string {
  const lags = consumer.lags();
  const lag = [...lags.values()].reduce((sum, one) => sum + one, 0n);
  if (!hasRead) return `reading what there is, ${lag} records to go`;
  return `member, ${consumer.shown().size} of ${lags.size} partitions shown, ${lag} records to read`;
}

function stateOf(redis: AggregateParts['redis'], { storeAwaySinceMs }: AggregateParts['aggregator']): string {
  if (redis === undefined) return 'not used, the state is in this process only';
  if (redis.awaySinceMs !== undefined) return `away since ${timeOf(redis.awaySinceMs)}: ${redis.problem}`;
  if (storeAwaySinceMs === undefined) return 'connected';
  return `connected, but nothing could be written since ${timeOf(storeAwaySinceMs)}`;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
