import type { BusRecord, Consumer, Publisher, RecordHandler } from './bus.js';

/**
 * The bus within one process. It carries the very frames that Kafka would; a publish resolves when the consumer has
 * applied them, so nothing queues: the publisher waits instead.
 */
export class MemoryBus implements Publisher, Consumer {
  #handler: RecordHandler | undefined;
  #tail: Promise<void> = Promise.resolve();
  #closed = false;

  start(handler: RecordHandler): Promise<void> {
    this.#handler = handler;
    return Promise.resolve();
  }

  publish(records: readonly BusRecord[]): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('memory bus: publish after close'));
    const handler = this.#handler;
    if (handler === undefined) return Promise.reject(new Error('memory bus: publish before a consumer has started'));
    const delivery = this.#tail.then(async () => {
      for (const record of records) await handler(record);
    });
    // One publisher's failed delivery is its own: the next one starts afresh.
    this.#tail = delivery.catch(() => undefined);
    return delivery;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#tail;
  }
}
