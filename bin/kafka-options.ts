import type { Logger } from '../lib/log.js';
import type { SettingValues } from '../lib/settings.js';
import type { KafkaOptions, KafkaSasl, KafkaTls } from '../wire/kafka/client.js';
import { readTlsFiles } from './tls-files.js';

/** How the settings say to reach the brokers. Throws a UsageError for a file that cannot be used. */
export async function kafkaOptions(values: SettingValues, log: Logger): Promise<KafkaOptions> {
  const tls = await kafkaTls(values);
  const sasl = kafkaSasl(values);
  return {
    // loadSettings has seen to it for every command that gets here.
    brokers: values['kafka.brokers']!,
    clientId: values['kafka.client-id'],
    log,
    ...(tls !== undefined && { tls }),
    ...(sasl !== undefined && { sasl }),
  };
}

/** On when asked for, or when anything of it is given. */
async function kafkaTls(values: SettingValues): Promise<KafkaTls | undefined> {
  const texts = await readTlsFiles(values, 'kafka.tls');
  return values['kafka.tls'] === true || Object.keys(texts).length > 0 ? texts : undefined;
}

function kafkaSasl(values: SettingValues): KafkaSasl | undefined {
  const { 'kafka.sasl.mechanism': mechanism, 'kafka.sasl.user': username } = values;
  const password = values['kafka.sasl.password'];
  return mechanism && username && password !== undefined ? { mechanism, username, password } : undefined;
}
