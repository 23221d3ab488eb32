import { randomInteger } from '../../lib/random.js';
import { U32, U64, U8, chars, struct } from './layouts.js';
import { goNumber, type MapModel } from './map-model.js';
import { commandBytes, labelText } from './text.js';

/** The maps of the configs in `configs/`, each for about as many series as asked for. */

const CODES = 8;
/** Of so many keys one begins above 2^53, where a double can no longer tell neighbours apart. */
const HUGE_EVERY = 97;
const HUGE = 2n ** 53n + 1n;
const COMMAND_BYTES = 16;

function initialValue(key: number): bigint {
  return key % HUGE_EVERY === 13 ? HUGE + BigInt(key) * 2n ** 40n : BigInt(key % 5);
}

/** Most events concern few keys, as it is everywhere. */
function someKey(keys: number, random: () => number): number {
  return randomInteger(random, random() < 0.5 ? Math.ceil(keys / 8) : keys);
}

const one = (keys: number): MapModel['count'] => {
  return (rows, random) => rows.add(someKey(keys, random), 1);
};

/** `sim_calls_total`: there are more keys than rows, so the kernel evicts some. */
export function callsMap(series: number): MapModel {
  const maxEntries = Math.max(8, series);
  const keys = Math.ceil(maxEntries * 1.25);
  return {
    name: 'sim_calls_total',
    type: 'lru_hash',
    keyLayout: struct('call', { command: chars(COMMAND_BYTES), code: U32 }),
    keys,
    maxEntries,
    initialRows: Math.floor(maxEntries * 0.9),
    writeKey(view, at, key, littleEndian) {
      commandBytes(Math.floor(key / CODES), COMMAND_BYTES).forEach((byte, i) => view.setUint8(at + i, byte));
      view.setUint32(at + COMMAND_BYTES, codeOf(key), littleEndian);
    },
    initialValue,
    count: one(keys),
    labels: (key) => ({
      command: labelText(commandBytes(Math.floor(key / CODES), COMMAND_BYTES)),
      code: String(codeOf(key)),
    }),
  };
}

/** Small ones, and errors as a u32 has them. */
function codeOf(key: number): number {
  const code = key % CODES;
  return code < CODES - 2 ? code : 2 ** 32 - code;
}

/** `sim_queue_bytes_total`: an array, which has all of its rows from the start. */
export function queuesMap(series: number): MapModel {
  const keys = Math.max(2, series);
  return {
    name: 'sim_queue_bytes_total',
    type: 'array',
    keyLayout: U32,
    keys,
    maxEntries: keys,
    initialRows: keys,
    writeKey: (view, at, key, littleEndian) => view.setUint32(at, key, littleEndian),
    initialValue: (key) => (key % 3 === 0 ? 0n : initialValue(key)),
    count: (rows, random) => rows.add(someKey(keys, random), 1 + randomInteger(random, 65_536)),
    labels: (key) => ({ queue: String(key) }),
  };
}

const CONTEXTS = ['task', 'softirq', 'hardirq', 'unknown:3'];
const FIRST_ADDRESS = 0xffffffff81000000n;

/** `sim_function_calls_total`: keys of 9 bytes, no multiple of a word, with an address that only the host can name. */
export function functionsMap(series: number): MapModel {
  const keys = Math.max(CONTEXTS.length, series);
  const functionOf = (key: number): number => Math.floor(key / CONTEXTS.length);
  const address = (key: number): bigint => FIRST_ADDRESS + BigInt(functionOf(key)) * 64n;
  const nameOf = (key: number): string | undefined =>
    functionOf(key) % 11 === 5 ? undefined : `sim_function_${functionOf(key)}`;
  return {
    name: 'sim_function_calls_total',
    type: 'hash',
    keyLayout: struct('place', { function: U64, context: U8 }),
    keys,
    maxEntries: keys,
    initialRows: Math.ceil(keys * 0.9),
    writeKey(view, at, key, littleEndian) {
      view.setBigUint64(at, address(key), littleEndian);
      view.setUint8(at + 8, key % CONTEXTS.length);
    },
    initialValue,
    count: one(keys),
    fact: (key) => ({ kind: 'ksym', id: address(key), name: nameOf(key) }),
    labels: (key) => ({
      function: nameOf(key) ?? `unknown_addr:0x${address(key).toString(16)}`,
      context: CONTEXTS[key % CONTEXTS.length]!,
    }),
  };
}

const LATENCY_BUCKETS = 27;
const MICROSECOND = 0.000001;

/** `sim_latency_seconds`: each device has a row a bucket, made when it is first needed, and one for the sum. */
export function latencyMap(series: number): MapModel {
  const devices = Math.max(1, series);
  const stride = LATENCY_BUCKETS + 1;
  const keys = devices * stride;
  return {
    name: 'sim_latency_seconds',
    type: 'percpu_hash',
    keyLayout: struct('bucket', { device: U32, bucket: U32 }),
    keys,
    maxEntries: keys,
    initialRows: 0,
    writeKey(view, at, key, littleEndian) {
      view.setUint32(at, Math.floor(key / stride), littleEndian);
      view.setUint32(at + 4, key % stride, littleEndian);
    },
    initialValue: () => 0n,
    count(rows, random) {
      const device = someKey(devices, random) * stride;
      const bucket = randomInteger(random, LATENCY_BUCKETS);
      rows.add(device + bucket, 1);
      rows.add(device + LATENCY_BUCKETS, 2 ** bucket);
    },
    labels: (key) => ({ device: String(Math.floor(key / stride)) }),
    histogram: {
      bounds: Array.from({ length: LATENCY_BUCKETS }, (_, bucket) => goNumber(2 ** bucket * MICROSECOND)),
      bucketOf: (key) => key % stride,
      multiplier: MICROSECOND,
    },
  };
}
