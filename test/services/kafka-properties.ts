import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificates } from './certificates.js';

export interface KafkaSecurity {
  /** Clients must come over TLS. */
  readonly tls?: Certificates;
  /** Clients must show a certificate of the same authority. */
  readonly clientCertificate?: boolean;
  /** Clients must log in: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, whichever they like. */
  readonly sasl?: { readonly user: string; readonly password: string };
}

/** Ports of one node. */
export interface NodePorts {
  /** What `security` is about. */
  readonly client: number;
  /** For the other brokers and for this harness: neither TLS nor login. */
  readonly inside: number;
  readonly controller: number;
}

type Properties = Readonly<Record<string, string | number | boolean>>;

/** The file of settings of node `id` (from 1), written to its folder. */
export function writeProperties(
  folder: string,
  id: number,
  nodes: readonly NodePorts[],
  security: KafkaSecurity,
): string {
  const properties = {
    ...identity(folder, id, nodes, security),
    ...(nodes.length === 1 ? ONE_NODE : THREE_NODES),
    ...SMALL,
    ...tlsProperties(folder, security),
    ...saslProperties(security),
  };
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`);
  const file = join(folder, 'server.properties');
  writeFileSync(file, lines.join(''));
  return file;
}

function identity(folder: string, id: number, nodes: readonly NodePorts[], security: KafkaSecurity): Properties {
  const { client, controller, inside } = nodes[id - 1]!;
  const clientProtocol = `${security.sasl ? 'SASL_' : ''}${security.tls ? 'SSL' : 'PLAINTEXT'}`;
  return {
    'process.roles': 'broker,controller',
    'node.id': id,
    'log.dirs': join(folder, 'data'),
    'controller.quorum.voters': nodes.map((ports, index) => `${index + 1}@127.0.0.1:${ports.controller}`).join(','),
    listeners: `CLIENT://127.0.0.1:${client},INSIDE://127.0.0.1:${inside},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `CLIENT://127.0.0.1:${client},INSIDE://127.0.0.1:${inside}`,
    'listener.security.protocol.map': `CLIENT:${clientProtocol},INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    'inter.broker.listener.name': 'INSIDE',
    'controller.listener.names': 'CONTROLLER',
  };
}

/** What production would not want: no waiting for members of a group, few files, little memory. */
const SMALL: Properties = {
  'offsets.topic.num.partitions': 4,
  'group.initial.rebalance.delay.ms': 0,
  'group.min.session.timeout.ms': 1000,
  'auto.create.topics.enable': false,
  'log.cleaner.dedupe.buffer.size': 2_097_152,
};

const ONE_NODE: Properties = {
  ...replication(1, 1),
  // Otherwise a broker that was killed is refused for 9 s when it comes back.
  'broker.session.timeout.ms': 1000,
  'broker.heartbeat.interval.ms': 200,
};

const THREE_NODES: Properties = {
  ...replication(3, 2),
  'broker.session.timeout.ms': 3000,
  'broker.heartbeat.interval.ms': 500,
  'replica.lag.time.max.ms': 3000,
  'controller.quorum.election.timeout.ms': 500,
  'controller.quorum.fetch.timeout.ms': 1000,
};

function replication(factor: number, minInSync: number): Properties {
  return {
    'default.replication.factor': factor,
    'offsets.topic.replication.factor': factor,
    'transaction.state.log.replication.factor': factor,
    'share.coordinator.state.topic.replication.factor': factor,
    'min.insync.replicas': minInSync,
    'transaction.state.log.min.isr': minInSync,
    'share.coordinator.state.topic.min.isr': minInSync,
  };
}

function tlsProperties(folder: string, { clientCertificate, tls }: KafkaSecurity): Properties {
  if (tls === undefined) return {};
  const keyStore = join(folder, 'keystore.pem');
  const parts = [tls.serverKeyFile, tls.serverCertFile, tls.caFile];
  writeFileSync(keyStore, parts.map((file) => readFileSync(file, 'utf8')).join(''), { mode: 0o600 });
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': keyStore,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': tls.caFile,
    // For this listener by name: the setting for all is not obeyed where there is a login, too.
    'listener.name.client.ssl.client.auth': clientCertificate ? 'required' : 'none',
  };
}

function saslProperties({ sasl }: KafkaSecurity): Properties {
  if (sasl === undefined) return {};
  const security = 'org.apache.kafka.common.security';
  const scram = `${security}.scram.ScramLoginModule required;`;
  return {
    'listener.name.client.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.client.plain.sasl.jaas.config': `${security}.plain.PlainLoginModule required user_${sasl.user}="${sasl.password}";`,
    'listener.name.client.scram-sha-256.sasl.jaas.config': scram,
    'listener.name.client.scram-sha-512.sasl.jaas.config': scram,
  };
}

/** What `StorageTool format` needs so that the user can log in by SCRAM. */
export function scramArguments({ sasl }: KafkaSecurity): string[] {
  if (sasl === undefined) return [];
  return ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${sasl.user},password=${sasl.password}]`,
  ]);
}
