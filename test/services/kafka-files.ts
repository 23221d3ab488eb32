import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../harness/root.js';
import { cacheFolder, runTool } from './folders.js';

const POM = join('test', 'services', 'kafka', 'pom.xml');

/** A small broker: the JVM's own choice would be a quarter of the machine and both compilers. */
const JVM_FLAGS = [
  '-Xms64m',
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:-UsePerfData',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
];

export interface KafkaFiles {
  /** Arguments of `java` up to the main class. */
  readonly javaArgs: readonly string[];
  /** The JVM's archive of loaded classes, which halves the start; may not be there yet. */
  readonly archive: string;
}

/** Kafka's jars: fetched once for each content of pom.xml. */
export async function fetchKafka(): Promise<KafkaFiles> {
  const pom = join(packageRoot(), POM);
  const version = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12);
  const folder = join(cacheFolder(), `kafka-${version}`);
  if (!existsSync(folder)) await copyJars(pom, folder);
  const jars = readdirSync(folder).filter((name) => name.endsWith('.jar'));
  // The archive is only taken with the very same class path.
  const classPath = jars.sort().map((name) => join(folder, name));
  return { javaArgs: [...JVM_FLAGS, '-cp', classPath.join(':')], archive: join(folder, 'classes.jsa') };
}

/** Into a folder of its own that becomes `folder` when complete: another process may be doing the same. */
async function copyJars(pom: string, folder: string): Promise<void> {
  const partial = `${folder}.${process.pid}`;
  console.error('Fetching Kafka with Maven, once');
  await runTool('mvn', [
    ...['-q', '-B', '-f', pom, 'dependency:copy-dependencies'],
    ...['-DincludeScope=runtime', `-DoutputDirectory=${partial}`],
  ]);
  try {
    renameSync(partial, folder);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}
