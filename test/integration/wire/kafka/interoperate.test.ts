import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CODEC, CODECS, type Compression } from '../../../../wire/kafka/codecs.js';
import { CheckedHandler, makeTopic, testConsumer, testPublisher } from '../../../harness/kafka-bus.js';
import { until } from '../../../harness/until.js';
import { startKafka } from '../../../services/kafka.js';

const HERE = (Object.keys(CODEC) as Compression[]).filter((name) => name === 'none' || CODECS.has(CODEC[name]));

/** Text that compresses, and some that does not; one beyond a block of 64 KiB, one as large as a send may be. */
function values(): string[] {
  const noise = Array.from({ length: 60_000 }, (_, n) =>
    String.fromCharCode(33 + (((n * 2654435761) >>> 7) % 90)),
  ).join('');
  return ['', 'short', 'again '.repeat(20_000), noise, `${noise}${'end '.repeat(200_000)}`.slice(0, 900 * 1024)];
}

test("what is compressed here the broker's own Java code reads, and the other way round", async (t) => {
  const cluster = await startKafka(t);
  for (const theirs of ['lz4', 'gzip', 'zstd'] as const) {
    for (const ours of HERE) {
      // The broker takes each batch apart, and keeps it compressed in its own way.
      const topic = await makeTopic(cluster, 1, { configEntries: [{ name: 'compression.type', value: theirs }] });
      const publisher = testPublisher(t, cluster, topic, { compression: ours });
      await Promise.all(values().map((text) => publisher.publish([{ key: 'host', value: Buffer.from(text) }])));
      const handler = new CheckedHandler();
      const consumer = testConsumer(t, cluster, topic);
      await consumer.start(handler);
      await consumer.settled(30_000);
      if (CODECS.has(CODEC[theirs])) {
        assert.deepEqual(handler.texts(0), values(), `${ours} to ${theirs}`);
      } else {
        await until(() => consumer.stats.unreadable.codec_unknown === values().length, 'all to be counted');
      }
      await consumer.close();
      await publisher.close();
    }
  }
});
