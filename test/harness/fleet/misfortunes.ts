import { setTimeout as sleep } from 'node:timers/promises';
import { randomInteger } from '../../../lib/random.js';
import type { AggregatorProcess, SondeProcess } from './processes.js';

/** What can be killed and comes back with its data: a broker, Redis. */
export interface Server {
  kill(): Promise<void>;
  restart(): Promise<void>;
}

export interface Victims {
  readonly aggregators: AggregatorProcess[];
  /** One more, started and serving. */
  readonly newAggregator: () => Promise<AggregatorProcess>;
  readonly brokers: readonly Server[];
  readonly redis: Server;
  /** Collectors that may be killed; each is started again at once. */
  readonly collectors: readonly SondeProcess[];
  readonly sessionTimeoutMs: number;
}

const MISFORTUNES = [
  'kill aggregator',
  'kill broker',
  'kill redis',
  'kill collector',
  'stop aggregator',
  'add',
  'remove',
] as const;
export type Misfortune = (typeof MISFORTUNES)[number];

/** Misfortunes in random order, each kind once before one comes again. */
export function* misfortunes(random: () => number): Generator<Misfortune> {
  for (;;) {
    const left: Misfortune[] = [...MISFORTUNES];
    while (left.length > 0) yield left.splice(randomInteger(random, left.length), 1)[0]!;
  }
}

/** Makes it happen, and mends it after a while. At least one aggregator goes on. */
export async function happen(what: Misfortune, victims: Victims, random: () => number): Promise<void> {
  const { aggregators, brokers, redis, collectors, sessionTimeoutMs } = victims;
  const pick = <T>(list: readonly T[]): T => list[randomInteger(random, list.length)]!;
  const pauseMs = 500 + randomInteger(random, 2500);
  switch (what) {
    case 'kill aggregator': {
      const victim = pick(aggregators);
      await victim.kill();
      await sleep(pauseMs);
      victim.start();
      return victim.serves();
    }
    case 'kill broker':
      return killed(pick(brokers), pauseMs);
    case 'kill redis':
      return killed(redis, pauseMs);
    case 'kill collector': {
      const victim = pick(collectors);
      await victim.kill();
      await sleep(pauseMs);
      return victim.start();
    }
    case 'stop aggregator': {
      // Longer than its session: others take its partitions, and it wakes up late.
      const victim = pick(aggregators);
      victim.signal('SIGSTOP');
      await sleep(sessionTimeoutMs + 2000 + pauseMs);
      victim.signal('SIGCONT');
      return;
    }
    case 'add':
      aggregators.push(await victims.newAggregator());
      return;
    case 'remove': {
      if (aggregators.length < 2) return;
      const [victim] = aggregators.splice(randomInteger(random, aggregators.length), 1);
      await victim!.stop();
      return;
    }
  }
}

async function killed(server: Server, pauseMs: number): Promise<void> {
  await server.kill();
  await sleep(pauseMs);
  await server.restart();
}
