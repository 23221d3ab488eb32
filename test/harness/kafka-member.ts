import { CheckedHandler, kafkaOptions } from './kafka-bus.js';
import { KafkaConsumer } from '../../wire/kafka/kafka-consumer.js';

/**
 * A process of its own that is a member of a group, for a test to stop: `kafka-member.js BROKER TOPIC`. Says every 20 ms how
 * often it has been assigned partitions, and which it shows: `2 0,3`.
 */
const [broker, topic] = process.argv.slice(2);
const consumer = new KafkaConsumer({
  kafka: kafkaOptions([broker!]),
  ...{ topic: topic!, groupId: topic!, sessionTimeoutMs: 3000, heartbeatIntervalMs: 200 },
  onFault: (error) => {
    throw error;
  },
});
await consumer.start(new CheckedHandler());
setInterval(() => console.log(`${consumer.stats.joins} ${[...consumer.shown()].join(',')}`), 20);
