import type { BusRecord, Consumer, PartitionHandler, Publisher } from './bus.js';

/** The one partition there is. */
const PARTITION = 0;
const SHOWN: ReadonlySet<number> = new Set([PARTITION]);

/**
 * The bus within one process. It carries the very frames that Kafka would; a publish resolves when the consumer has
 * applied them, so nothing queues: the publisher waits instead.
 */
export class MemoryBus implements Publisher, Consumer {
  #handler: PartitionHandler | undefined;
  #tail: Promise<void> = Promise.resolve();
  #offset = 0n;
  #closed: Promise<void> | undefined;

  async start(handler: PartitionHandler): Promise<void> {
    await handler.assigned(PARTITION);
    this.#handler = handler;
  }

  publish(records: readonly BusRecord[]): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(new Error('memory bus: publish after close'));
    const handler = this.#handler;
    if (handler === undefined) return Promise.reject(new Error('memory bus: publish before a consumer has started'));
    const delivery = this.#tail.then(() =>
      handler.apply(
        PARTITION,
        records.map(({ key, value }) => ({ key, value, offset: this.#offset++, timestampMs: Date.now() })),
      ),
    );
    // One publisher's failed delivery is its own: the next one starts afresh.
    this.#tail = delivery.catch(() => undefined);
    return delivery;
  }

  shown(): ReadonlySet<number> {
    return SHOWN;
  }

  settled(): Promise<void> {
    return Promise.resolve();
  }

  commit(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#closed ??= this.#tail.then(() => this.#handler?.leaving());
    return this.#closed;
  }
}
