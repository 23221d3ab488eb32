import type { ConsumedRecord, PartitionHandler } from '../../wire/bus.js';

/** A handler that starts each partition at its beginning and hands over record by record. */
export function taking(take: (record: ConsumedRecord) => Promise<void> | void): PartitionHandler {
  return {
    assigned: () => Promise.resolve(undefined),
    async apply(_partition, records) {
      for (const record of records) await take(record);
    },
    revoked: () => undefined,
    leaving: () => Promise.resolve(),
  };
}
