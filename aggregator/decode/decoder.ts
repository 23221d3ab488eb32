import type { DecoderConfig } from '../../wire/config/schema.js';
import type { Facts } from './facts.js';

/** What decoding may know beside the bytes: what the host said of itself. No clock, no files, no randomness. */
export interface DecodeContext {
  readonly facts: Facts;
  /** Byte order of the host, in which its kernel writes numbers. */
  readonly littleEndian: boolean;
  /** The host's architecture, as `uname -m` calls it. */
  readonly arch: string;
}

/**
 * One step of a label's chain: bytes in, bytes out. `null` skips the whole row, without an error.
 * Throws a {@link DecodeError} when the bytes cannot be what the config says.
 */
export type Decoder = (input: Uint8Array, context: DecodeContext) => Uint8Array | null;

/** Makes a decoder from its config. `afterUint`: its input is decimal text, not the kernel's bytes. */
export type DecoderFactory = (config: DecoderConfig, afterUint: boolean) => Decoder;

/** Bytes that a decoder cannot take: counted per config, and the row is left out. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}
