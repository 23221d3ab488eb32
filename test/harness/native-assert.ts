import assert from 'node:assert/strict';
import {
  NativeError,
  type BpfMap,
  type BpfObject,
  type BpfProgram,
  type NativeErrorFields,
} from '../../native/index.js';

/** Asserts that `call` throws a NativeError with these fields, and returns it. */
export function throwsNative(call: () => unknown, fields: Partial<NativeErrorFields>): NativeError {
  try {
    call();
  } catch (error) {
    return hasFields(error, fields);
  }
  assert.fail(`nothing was thrown; expected ${JSON.stringify(fields)}`);
}

/** The same for a promise. */
export async function rejectsNative(
  promise: Promise<unknown>,
  fields: Partial<NativeErrorFields>,
): Promise<NativeError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  assert.ok(outcome, `it did not reject; expected ${JSON.stringify(fields)}`);
  return hasFields(outcome.error, fields);
}

function hasFields(error: unknown, fields: Partial<NativeErrorFields>): NativeError {
  assert.ok(error instanceof NativeError, `not a NativeError: ${String(error)}`);
  assert.equal(error.name, 'NativeError');
  const actual = Object.fromEntries(Object.keys(fields).map((key) => [key, error[key as keyof NativeErrorFields]]));
  assert.deepEqual(actual, fields, error.message);
  return error;
}

export function findMap(object: BpfObject, name: string): BpfMap {
  const map = object.maps.find((candidate) => candidate.name === name);
  assert.ok(map, `${object.name} has no map ${name}`);
  return map;
}

export function findProgram(object: BpfObject, name: string): BpfProgram {
  const program = object.programs.find((candidate) => candidate.name === name);
  assert.ok(program, `${object.name} has no program ${name}`);
  return program;
}

export const u32 = (...values: number[]): Uint8Array => new Uint8Array(new Uint32Array(values).buffer);
export const u64 = (...values: bigint[]): Uint8Array => new Uint8Array(new BigUint64Array(values).buffer);
