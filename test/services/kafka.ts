import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import type { TestContext } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { freePort } from '../harness/free-port.js';
import { runTool, testFolder } from './folders.js';
import { fetchKafka } from './kafka-files.js';
import { scramArguments, writeProperties, type KafkaSecurity, type NodePorts } from './kafka-properties.js';
import { Server } from './server.js';

export interface KafkaOptions extends KafkaSecurity {
  /** Default 1. Three: every topic has three replicas by default, of which two must be in sync. */
  readonly nodes?: 1 | 3;
}

export interface KafkaCluster {
  /** `127.0.0.1:PORT` of each node, for clients: with TLS and login when asked for. */
  readonly brokers: readonly string[];
  /** The same nodes without TLS and login, whatever was asked for: for the test's own admin. */
  readonly insideBrokers: readonly string[];
  /** kill -9 of a node, counted from 1 (default: the first). */
  kill(node?: number): Promise<void>;
  /** Starts a killed node again, on the same ports and data. Resolves when it serves as a member again. */
  restart(node?: number): Promise<void>;
  /** Lets all nodes end by themselves. */
  stop(): Promise<void>;
}

/** Starts Kafka for a test, and kills it after it. Topics are not made by themselves. */
export async function startKafka(t: TestContext, options: KafkaOptions = {}): Promise<KafkaCluster> {
  let nodes: readonly KafkaNode[] = [];
  const folder = testFolder(t, 'kafka', () => Promise.all(nodes.map(({ server }) => server.kill())));
  nodes = await kafkaNodes(folder, options);
  await Promise.all(nodes.map(({ server }) => server.start()));
  return {
    brokers: nodes.map(({ ports }) => `127.0.0.1:${ports.client}`),
    insideBrokers: nodes.map(({ ports }) => `127.0.0.1:${ports.inside}`),
    kill: (node = 1) => nodes[node - 1]!.server.kill(),
    restart: (node = 1) => nodes[node - 1]!.server.start(),
    stop: async () => {
      await Promise.all(nodes.map(({ server }) => server.stop()));
    },
  };
}

export interface KafkaNode {
  readonly server: Server;
  readonly ports: NodePorts;
}

/** The nodes of a cluster, formatted, that have yet to be started, all at once. */
export async function kafkaNodes(folder: string, options: KafkaOptions, background = false): Promise<KafkaNode[]> {
  const { archive, javaArgs } = await fetchKafka();
  if (!existsSync(archive)) await makeArchive(archive, javaArgs);
  const shared = [...javaArgs, `-XX:SharedArchiveFile=${archive}`];
  return formattedNodes({ folder, options, formatArgs: shared, brokerArgs: shared, background });
}

interface FormatOptions {
  readonly folder: string;
  readonly options: KafkaOptions;
  /** Arguments of `java` for the two programs. */
  readonly formatArgs: readonly string[];
  readonly brokerArgs: readonly string[];
  readonly background: boolean;
}

async function formattedNodes(how: FormatOptions): Promise<KafkaNode[]> {
  const ids = how.options.nodes === 3 ? [1, 2, 3] : [1];
  const allPorts = await Promise.all(ids.map(nodePorts));
  // Begins with A: the tool takes what begins with a hyphen for a flag.
  const clusterId = Buffer.concat([Buffer.alloc(1), randomBytes(15)]).toString('base64url');
  return Promise.all(
    ids.map(async (id) => {
      const folder = join(how.folder, `node${id}`);
      mkdirSync(folder, { recursive: true });
      const properties = writeProperties(folder, id, allPorts, how.options);
      const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties];
      await runTool('java', [...how.formatArgs, ...format, ...scramArguments(how.options)]);
      const ports = allPorts[id - 1]!;
      const server = new Server({
        name: 'kafka',
        folder,
        command: 'java',
        // Where it unpacks its compressors, and leaves them when it is killed.
        args: [`-Djava.io.tmpdir=${folder}`, ...how.brokerArgs, 'kafka.Kafka', properties],
        ready: () => isMember(`127.0.0.1:${ports.inside}`),
        background: how.background,
      });
      return { server, ports };
    }),
  );
}

async function nodePorts(): Promise<NodePorts> {
  return { client: await freePort(), inside: await freePort(), controller: await freePort() };
}

/** Rejects unless the broker answers and belongs to its cluster. */
async function isMember(broker: string): Promise<void> {
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING, retry: { retries: 0 } });
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { brokers } = await admin.describeCluster();
    const members = brokers.map(({ host, port }) => `${host}:${port}`);
    if (!members.includes(broker)) throw new Error(`the cluster is ${members.join(', ')}`);
  } finally {
    await admin.disconnect();
  }
}

/** Starts and stops a broker once, to write down which classes it loads. */
async function makeArchive(archive: string, javaArgs: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sonde-kafka-archive-'));
  const partial = `${archive}.${process.pid}`; // renamed when complete: another process may be doing the same
  const brokerArgs = [...javaArgs, `-XX:ArchiveClassesAtExit=${partial}`];
  try {
    const [node] = await formattedNodes({ folder, options: {}, formatArgs: javaArgs, brokerArgs, background: false });
    await node!.server.start();
    await node!.server.stop();
    renameSync(partial, archive);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
