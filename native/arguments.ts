import { NativeError } from './error.js';

/** Where an argument was given, for the error. */
export interface Place {
  readonly operation: string;
  readonly object?: string;
  readonly map?: string;
}

function refuse(place: Place, message: string): never {
  throw new NativeError(message, { code: 'INVALID_ARGUMENT', ...place });
}

export function requireInteger(place: Place, name: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  return refuse(place, `${name} must be an integer from ${least} to ${most}, not ${String(value)}`);
}

export function requireString(place: Place, name: string, value: unknown): string {
  if (typeof value === 'string' && !value.includes('\0')) return value;
  return refuse(place, `${name} must be a string without NUL`);
}

export function requireBytes(place: Place, name: string, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return refuse(place, `${name} must be a Uint8Array`);
}

export function requireBoolean(place: Place, name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  return refuse(place, `${name} must be a boolean`);
}

export function requireOneOf<T>(place: Place, name: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  return refuse(place, `${name} must be one of ${allowed.join(', ')}, not ${String(value)}`);
}

export function requireFunction<T>(place: Place, name: string, value: T): T {
  if (typeof value === 'function') return value;
  return refuse(place, `${name} must be a function`);
}
