import type { CommandName, SettingName, SettingValues } from '../settings.js';
import { takes } from './inputs.js';

export type Report = (setting: SettingName, message: string, hint: string) => void;

/** What settings ask of each other. Silent about what a command does not take. */
export function checkRules(values: SettingValues, command: CommandName | undefined, report: Report): void {
  if (takes(command, 'kafka.brokers')) checkKafka(values, report);
  if (takes(command, 'redis.url')) checkRedis(values, report);
  if (takes(command, 'influx.url')) checkInflux(values, report);
  if (takes(command, 'kafka.session-timeout')) checkGroup(values, report);
}

function checkKafka(values: SettingValues, report: Report): void {
  checkPair(values, 'kafka.tls.cert-file', 'kafka.tls.key-file', report);
  const tls = ['kafka.tls.ca-file', 'kafka.tls.cert-file', 'kafka.tls.key-file'] as const;
  const given = tls.find((name) => values[name] !== undefined);
  if (values['kafka.tls'] === false && given !== undefined) {
    report('kafka.tls', `is off, but ${given} is given`, 'turn it on, or remove that');
  }
  checkPair(values, 'kafka.sasl.user', 'kafka.sasl.password', report);
  const [user, mechanism] = [values['kafka.sasl.user'], values['kafka.sasl.mechanism']];
  if (user !== undefined && mechanism === undefined)
    report('kafka.sasl.mechanism', 'is missing beside kafka.sasl.user', 'give plain, scram-sha-256 or scram-sha-512');
  if (user === undefined && mechanism !== undefined)
    report('kafka.sasl.user', 'is missing beside kafka.sasl.mechanism', 'give it and kafka.sasl.password');
}

function checkRedis(values: SettingValues, report: Report): void {
  checkPair(values, 'redis.tls.cert-file', 'redis.tls.key-file', report);
  const url = values['redis.url'];
  const others = ['redis.user', 'redis.password', 'redis.tls.ca-file', 'redis.tls.cert-file'] as const;
  const given = others.find((name) => values[name] !== undefined);
  if (url === undefined && given !== undefined) report('redis.url', `is missing beside ${given}`, 'give it');
  if (url?.startsWith('redis:') === true && given?.startsWith('redis.tls.') === true)
    report('redis.url', `is without TLS, but ${given} is given`, 'write rediss://');
  if (values['redis.user'] !== undefined && values['redis.password'] === undefined)
    report('redis.password', 'is missing beside redis.user', 'give redis.password-file');
}

function checkInflux(values: SettingValues, report: Report): void {
  const others = ['influx.org', 'influx.bucket', 'influx.path', 'influx.token-file', 'influx.tls.ca-file'] as const;
  const given = others.find((name) => values[name] !== undefined);
  if (values['influx.url'] === undefined) {
    if (given !== undefined) report('influx.url', `is missing beside ${given}`, 'give it');
    return;
  }
  const [bucket, path] = [values['influx.bucket'], values['influx.path']];
  if (bucket === undefined && path === undefined)
    report('influx.bucket', 'is missing beside influx.url', 'give it, or influx.path');
  if (bucket !== undefined && path !== undefined)
    report('influx.path', 'is given beside influx.bucket', 'remove one of them');
}

function checkGroup(values: SettingValues, report: Report): void {
  if (values['kafka.heartbeat-interval'] * 2 > values['kafka.session-timeout'])
    report('kafka.heartbeat-interval', 'is more than half of kafka.session-timeout', 'make it a third or less');
  if (values['kafka.topic'] === values['kafka.dlq-topic'])
    report('kafka.dlq-topic', 'is the topic of the frames', 'give another');
}

function checkPair(values: SettingValues, one: SettingName, other: SettingName, report: Report): void {
  for (const [name, partner] of [
    [one, other],
    [other, one],
  ] as const) {
    if (values[name] === undefined && values[partner] !== undefined)
      report(name, `is missing beside ${partner}`, 'give both or neither');
  }
}
