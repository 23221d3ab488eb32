import { createRequire } from 'node:module';
import type * as KafkaJs from 'kafkajs';
import { SondeError } from '../errors.js';
import { BatchWriter, type BatchToWrite, type RecordToWrite } from './batch-writer.js';
import { CODECS } from './codecs.js';
import { stopIdleTimers, type RequestQueue } from './idle-timers.js';
import { BATCH_LIMITS, takeBatch } from './record-batch.js';
import { endStoppedFetches, type Runner } from './stopped-fetch.js';

const VERSION = '2.2.4';
const BATCH_READER = 'kafkajs/src/protocol/recordBatch/v0/decoder.js';
const BATCH_READER_USER = 'kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js';
const BATCH_WRITER = 'kafkajs/src/protocol/recordBatch/v0/index.js';
const BATCH_WRITER_USER = 'kafkajs/src/protocol/requests/produce/v3/request.js';
const RECORD_WRITER = 'kafkajs/src/protocol/recordBatch/record/v0/index.js';

let loaded: typeof KafkaJs | undefined;

/**
 * kafkajs, with what Sonde mends in it from outside: the timers of idle connections, fetches of
 * consumers that have stopped, the reading and writing of batches, the codecs.
 * Throws `INTERNAL` when it is another version than the one this was written for.
 */
export function loadKafkaJs(): typeof KafkaJs {
  loaded ??= mended(createRequire(import.meta.url));
  return loaded;
}

function mended(require: NodeJS.Require): typeof KafkaJs {
  const { version } = require('kafkajs/package.json') as { version: string };
  if (version !== VERSION) throw unfit(`is version ${version}, not ${VERSION}`);
  const queue = require('kafkajs/src/network/requestQueue/index.js') as { prototype: RequestQueue };
  if (!stopIdleTimers(queue.prototype)) throw unfit('has another request queue');
  const runner = require('kafkajs/src/consumer/runner.js') as { prototype: Runner };
  const { KafkaJSError } = require('kafkajs/src/errors.js') as { KafkaJSError: new (message: string) => Error };
  if (!endStoppedFetches(runner.prototype, (message) => new KafkaJSError(message))) throw unfit('has another runner');
  replaceBatchReader(require);
  replaceBatchWriter(require);
  const kafkajs = require('kafkajs') as typeof KafkaJs;
  const codecs = kafkajs.CompressionCodecs as Record<number, () => unknown>;
  for (const [number, codec] of CODECS) {
    codecs[number] = () => ({
      compress: ({ buffer }: { buffer: Buffer }) => codec.compress(buffer),
      decompress: (bytes: Buffer) => codec.decompress(bytes, BATCH_LIMITS.maxBatchBytes),
    });
  }
  return kafkajs;
}

/** Its only user binds it when the first answer to a fetch is read, so it must be in place before. */
function replaceBatchReader(require: NodeJS.Require): void {
  if (require.cache[require.resolve(BATCH_READER_USER)] !== undefined) throw unfit('has read records already');
  const reader = require(BATCH_READER) as unknown;
  const module = require.cache[require.resolve(BATCH_READER)];
  if (typeof reader !== 'function' || module === undefined) throw unfit('has another reader of batches');
  module.exports = (place: { buffer: Buffer; offset: number }) => takeBatch(place);
}

/** Bound by its only user when that is loaded, with the first record that is sent. */
function replaceBatchWriter(require: NodeJS.Require): void {
  if (require.cache[require.resolve(BATCH_WRITER_USER)] !== undefined) throw unfit('has written records already');
  const writer = require(BATCH_WRITER) as { RecordBatch?: unknown };
  const record = require(RECORD_WRITER) as unknown;
  const recordModule = require.cache[require.resolve(RECORD_WRITER)];
  if (typeof writer.RecordBatch !== 'function' || typeof record !== 'function' || recordModule === undefined)
    throw unfit('has another writer of batches');
  const batches = new BatchWriter();
  recordModule.exports = (toWrite: RecordToWrite) => toWrite;
  writer.RecordBatch = async (batch: BatchToWrite) => encoderOf(await batches.write(batch));
}

/** Bytes as kafkajs's Encoder, as far as it is looked at. */
function encoderOf(bytes: Buffer): { buf: Buffer; buffer: Buffer; size(): number } {
  return { buf: bytes, buffer: bytes, size: () => bytes.length };
}

function unfit(what: string): SondeError {
  return new SondeError('INTERNAL', `kafkajs ${what}: review wire/kafka/kafkajs.ts before using it`);
}
