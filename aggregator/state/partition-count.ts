import { SondeError } from '../../wire/errors.js';

/**
 * Throws when the topic has another number of partitions than its state was stored for: hosts are elsewhere then than their
 * past is, and both would go on counting.
 */
export function requirePartitionCount(topic: string, stored: number, count: number): void {
  if (stored === count) return;
  throw new SondeError(
    'STATE_PARTITIONS',
    `topic ${topic} has ${count} partitions, but its state was stored for ${stored}: most hosts would be looked for in a partition that does not have their past. ` +
      `Give the fleet a new topic, which has a state of its own: (1) create a topic NEW of ${count} partitions, ` +
      `(2) run aggregators with --kafka.topic NEW and a --kafka.group of their own beside those of ${topic}, ` +
      `(3) restart the collectors with --kafka.topic NEW, ` +
      `(4) stop the aggregators of ${topic} when their lag is 0. Their counters end there, and the new ones begin anew`,
    { stage: 'state' },
  );
}
