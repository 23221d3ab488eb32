import { randomInt } from 'node:crypto';
import { SondeError } from '../../wire/errors.js';
import { OFFSET_FIELD, partitionCountKey, partitionKeys, sectionField, sectionOf, type StateScope } from './keys.js';
import { requirePartitionCount } from './partition-count.js';
import { RedisLink, type RedisLinkOptions } from './redis-link.js';
import { CLAIM, STORE } from './redis-scripts.js';
import {
  STATE_FORMAT,
  type PartitionChange,
  type StateStore,
  type StoredPartition,
  type TakenPartition,
} from './state-store.js';

/**
 * An epoch rises by chance: when Redis loses its last second in a crash, the next owner must not get the epoch that was lost
 * with it. 2^63 leaves room for eight thousand million owners.
 */
const MAX_EPOCH_STEP = 2 ** 31;

export type RedisStateOptions = RedisLinkOptions & StateScope;

/** Keeps partitions in Redis 7 or newer, or Valkey. Its README says how. */
export class RedisStateStore implements StateStore {
  /** How the connection is. */
  readonly link: RedisLink;
  readonly #scope: StateScope;

  constructor(options: RedisStateOptions) {
    this.link = new RedisLink(options);
    this.#scope = { prefix: options.prefix, topic: options.topic };
  }

  /** Begins to connect. Resolves when connected, or when the first try has failed: it goes on trying. */
  start(): Promise<void> {
    return this.link.start();
  }

  /** Rejects with `STATE_FORMAT` when a newer Sonde has stored the partition: it stays that one's. */
  async take(partition: number): Promise<TakenPartition> {
    const { owner, state } = partitionKeys(this.#scope, partition);
    const what = `read the state of partition ${partition}`;
    const step = randomInt(1, MAX_EPOCH_STEP);
    const claim = await this.link.run(what, CLAIM, [owner, state], [`${STATE_FORMAT}`, `${step}`]);
    const [epoch, newerFormat] = claim as [string, string];
    if (newerFormat !== '') throw newerState(partition, newerFormat);
    // A step of its own, which Lua would have to copy: nobody of before can write any more, and if somebody has taken the
    // partition since, this is his state with his offset, and what we store will be refused.
    const fields = await this.link.call(what, 0, (redis) => redis.callBuffer('HGETALL', state));
    return { epoch: BigInt(epoch), stored: storedPartition(fields as Buffer[]) };
  }

  async isOwner(partition: number, epoch: bigint): Promise<boolean> {
    const { owner } = partitionKeys(this.#scope, partition);
    const found = await this.link.call(`ask who owns partition ${partition}`, 0, (redis) => redis.get(owner));
    return found === epoch.toString();
  }

  async store(partition: number, epoch: bigint, { offset, put, remove }: PartitionChange): Promise<boolean> {
    const { owner, state } = partitionKeys(this.#scope, partition);
    const sections = [...put].flatMap(([name, bytes]) => [sectionField(name), bytes]);
    const refusal = await this.link.run(
      `store the state of partition ${partition}`,
      STORE,
      [owner, state],
      [`${epoch}`, `${offset}`, `${STATE_FORMAT}`, `${remove.length}`, ...remove.map(sectionField), ...sections],
    );
    return refusal === '';
  }

  async checkPartitions(count: number): Promise<void> {
    const key = partitionCountKey(this.#scope);
    const stored = await this.link.call('read how many partitions the state has', 0, async (redis) => {
      const known = await redis.get(key); // first: also where memory has run out
      if (known !== null) return known;
      await redis.setnx(key, count);
      return redis.get(key);
    });
    requirePartitionCount(this.#scope.topic, Number(stored), count);
  }

  close(): Promise<void> {
    return this.link.close();
  }
}

/** @param fields field and value in turns. */
function storedPartition(fields: readonly Buffer[]): StoredPartition | undefined {
  const sections = new Map<string, Uint8Array>();
  let offset: bigint | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const field = fields[i]!.toString();
    const section = sectionOf(field);
    if (section !== undefined) sections.set(section, fields[i + 1]!);
    else if (field === OFFSET_FIELD) offset = BigInt(fields[i + 1]!.toString());
  }
  return offset === undefined ? undefined : { offset, sections };
}

function newerState(partition: number, format: string): SondeError {
  return new SondeError(
    'STATE_FORMAT',
    `the state of partition ${partition} is of format ${format}, and this Sonde reads ${STATE_FORMAT}: run the newer version that has stored it, or give this one another --redis.prefix`,
    { stage: 'state' },
  );
}
