import type { Settings } from '../lib/settings/load.js';
import { textTable } from '../lib/text-table.js';
import { SondeError } from '../wire/errors.js';
import { createTopics, type TopicOutcome, type TopicSettings } from '../wire/kafka/topics.js';
import { UsageError } from './fail.js';
import { kafkaOptions } from './kafka-options.js';
import { startLog } from './start-log.js';

/** `sonde topics create`: makes the topics that are missing, and prints what there is. */
export async function printTopics(
  settings: Settings,
  topics: Omit<TopicSettings, 'frames' | 'deadLetters'>,
): Promise<void> {
  const kafka = await kafkaOptions(settings.values, startLog(settings));
  try {
    const { 'kafka.topic': frames, 'kafka.dlq-topic': deadLetters } = settings.values;
    process.stdout.write(topicTable(await createTopics(kafka, { frames, deadLetters, ...topics })));
  } catch (error) {
    throw explain(error);
  }
}

/** This command does not try again. */
function explain(error: unknown): unknown {
  if (!(error instanceof SondeError) || error.code !== 'KAFKA_AWAY') return error;
  return new UsageError(error.message.replace(/; will be tried again$/, '; does a broker run there?'));
}

export function topicTable(outcomes: readonly TopicOutcome[]): string {
  const rows = outcomes.map(({ topic, made, partitions, replication }) => [
    topic,
    made ? 'made' : 'was there',
    String(partitions),
    String(replication),
  ]);
  const differences = outcomes.flatMap((outcome) => outcome.differences);
  const notes =
    differences.length === 0 ? '' : `\nleft as it was:\n${differences.map((line) => `  ${line}\n`).join('')}`;
  return textTable([['topic', '', 'partitions', 'copies'], ...rows]) + notes;
}
