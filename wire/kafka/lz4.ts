import { compressFrame, compressSync, decompressFrame, uncompressSync } from 'lz4-napi';

/*
 * LZ4's frame format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md. A frame of ours states its size and has one block,
 * so that both sides need one call for it, and the reader memory of the right size at once; reading it as a stream of blocks took
 * three times as long. Frames of other writers are read as such a stream.
 */
const MAGIC = 0x184d2204;
const FLAGS_AT = 4;
const DESCRIPTOR_AT = 5;
const VERSION_1 = 0x40;
const INDEPENDENT_BLOCKS = 0x20;
const BLOCK_CHECKSUMS = 0x10;
const CONTENT_SIZE = 0x08;
const DICTIONARY = 0x01;
const STORED = 0x80000000;

const OUR_FLAGS = VERSION_1 | INDEPENDENT_BLOCKS | CONTENT_SIZE;
/** Blocks of at most 4 MiB. */
const OUR_DESCRIPTOR = 0x70;
const OUR_MAX_BYTES = 4 * 2 ** 20;
const SIZE_AT = 6;
const CHECKSUM_AT = 14;
const BLOCK_LENGTH_AT = 15;
const BLOCK_AT = 19;
const END_BYTES = 4;
/** What the package writes before a block, and expects there: how large it is decompressed. */
const PREFIX_BYTES = 4;
/** A byte of a compressed block stands for at most so many. */
const MAX_RATIO = 255;

/** One frame; of one block, up to 4 MiB. */
export async function lz4Compress(bytes: Buffer): Promise<Buffer> {
  if (bytes.length > OUR_MAX_BYTES) return compressFrame(bytes);
  const compressed = compressSync(bytes).subarray(PREFIX_BYTES);
  const isSmaller = compressed.length < bytes.length;
  const block = isSmaller ? compressed : bytes;
  const frame = Buffer.allocUnsafeSlow(BLOCK_AT + block.length + END_BYTES);
  frame.writeUInt32LE(MAGIC, 0);
  frame[FLAGS_AT] = OUR_FLAGS;
  frame[DESCRIPTOR_AT] = OUR_DESCRIPTOR;
  frame.writeBigUInt64LE(BigInt(bytes.length), SIZE_AT);
  frame[CHECKSUM_AT] = headerChecksum(frame.subarray(FLAGS_AT, CHECKSUM_AT));
  frame.writeUInt32LE(isSmaller ? block.length : block.length + STORED, BLOCK_LENGTH_AT);
  frame.set(block, BLOCK_AT);
  frame.writeUInt32LE(0, frame.length - END_BYTES);
  return frame;
}

/** Rejects with a `RangeError`, before it takes more memory than that, when the result would be larger than `maxBytes`. */
export async function lz4Decompress(frame: Buffer, maxBytes: number): Promise<Buffer> {
  const size = sizeOfOurs(frame);
  if (size === undefined) {
    if (lz4MaxBytes(frame) > maxBytes) throw new RangeError(`lz4: more than ${maxBytes} bytes`);
    return decompressFrame(frame);
  }
  if (size > maxBytes) throw new RangeError(`lz4: ${size} bytes; ${maxBytes} are allowed`);
  const block = frame.subarray(BLOCK_AT, frame.length - END_BYTES);
  const prefixed = Buffer.allocUnsafe(PREFIX_BYTES + block.length);
  prefixed.writeUInt32LE(size, 0);
  prefixed.set(block, PREFIX_BYTES);
  const bytes = uncompressSync(prefixed);
  if (bytes.length !== size) throw new Error(`lz4: ${bytes.length} bytes where the frame states ${size}`);
  return bytes;
}

/**
 * What a frame states to be decompressed, when it is one compressed block and the statement can be true; undefined for any other,
 * the stored ones among them.
 */
function sizeOfOurs(frame: Buffer): number | undefined {
  if (frame.length < BLOCK_AT + END_BYTES || frame.readUInt32LE(0) !== MAGIC) return undefined;
  if (frame[FLAGS_AT] !== OUR_FLAGS || frame[DESCRIPTOR_AT] !== OUR_DESCRIPTOR) return undefined;
  const blockBytes = frame.length - BLOCK_AT - END_BYTES;
  if (frame.readUInt32LE(BLOCK_LENGTH_AT) !== blockBytes) return undefined;
  if (frame.readUInt32LE(frame.length - END_BYTES) !== 0) return undefined;
  const size = Number(frame.readBigUInt64LE(SIZE_AT));
  return size <= Math.min(blockBytes * MAX_RATIO, OUR_MAX_BYTES) ? size : undefined;
}

/**
 * What a frame can decompress to at most, by its list of blocks: a stored block is as large as it is, a compressed one at most the
 * frame's block size. The size that a frame may state is anybody's claim, and not looked at.
 */
export function lz4MaxBytes(frame: Buffer): number {
  if (frame.length < 7 || frame.readUInt32LE(0) !== MAGIC) return 0;
  const flags = frame[FLAGS_AT]!;
  const maxBlockBytes = 2 ** (8 + 2 * ((frame[DESCRIPTOR_AT]! >> 4) & 7));
  const trailerBytes = flags & BLOCK_CHECKSUMS ? 4 : 0;
  let at = 7 + (flags & CONTENT_SIZE ? 8 : 0) + (flags & DICTIONARY ? 4 : 0);
  let bytes = 0;
  while (at + 4 <= frame.length) {
    const word = frame.readUInt32LE(at);
    if (word === 0) break;
    const blockBytes = word % STORED;
    bytes += word >= STORED ? blockBytes : maxBlockBytes;
    at += 4 + blockBytes + trailerBytes;
  }
  return bytes;
}

const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

/** The second byte of xxHash32 with seed 0, of fewer than 16 bytes: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md. */
function headerChecksum(bytes: Buffer): number {
  let hash = PRIME_5 + bytes.length;
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4) {
    hash = Math.imul(rotatedLeft(hash + Math.imul(bytes.readUInt32LE(at), PRIME_3), 17), PRIME_4);
  }
  for (; at < bytes.length; at++) hash = Math.imul(rotatedLeft(hash + Math.imul(bytes[at]!, PRIME_5), 11), PRIME_1);
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
  return ((hash ^ (hash >>> 16)) >>> 8) & 0xff;
}

function rotatedLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
