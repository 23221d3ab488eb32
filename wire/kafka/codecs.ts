import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { compressFrame, decompressFrame } from 'lz4-napi';

/** Numbers of Kafka's protocol. */
export const CODEC = { none: 0, gzip: 1, lz4: 3, zstd: 4 } as const;
export type Compression = keyof typeof CODEC;

export interface Codec {
  compress(bytes: Buffer): Promise<Buffer>;
  /** Rejects, before it takes more memory than that, when the result would be larger than `maxBytes`. */
  decompress(bytes: Buffer, maxBytes: number): Promise<Buffer>;
}

type Transform = (bytes: Buffer, options?: { maxOutputLength?: number }) => Promise<Buffer>;

const gzip = promisify(zlib.gzip) as Transform;
const gunzip = promisify(zlib.gunzip) as Transform;

const GZIP: Codec = {
  compress: (bytes) => gzip(bytes),
  decompress: (bytes, maxBytes) => gunzip(bytes, { maxOutputLength: maxBytes }),
};

const LZ4: Codec = {
  compress: (bytes) => compressFrame(bytes),
  decompress(bytes, maxBytes) {
    if (lz4MaxBytes(bytes) > maxBytes) return Promise.reject(new RangeError(`lz4: more than ${maxBytes} bytes`));
    return decompressFrame(bytes);
  },
};

/** Node has it from 22.15. */
function zstdCodec(): Codec | undefined {
  const candidate = zlib as unknown as Record<string, unknown>;
  const { zstdCompress, zstdDecompress } = candidate;
  if (typeof zstdCompress !== 'function' || typeof zstdDecompress !== 'function') return undefined;
  const compress = promisify(zstdCompress) as unknown as Transform;
  const decompress = promisify(zstdDecompress) as unknown as Transform;
  return {
    compress: (bytes) => compress(bytes),
    decompress: (bytes, maxBytes) => decompress(bytes, { maxOutputLength: maxBytes }),
  };
}

/** By number of the protocol. Snappy is not among them: nothing of Sonde writes it. */
export const CODECS: ReadonlyMap<number, Codec> = new Map(
  (
    [
      [CODEC.gzip, GZIP],
      [CODEC.lz4, LZ4],
      [CODEC.zstd, zstdCodec()],
    ] as const
  ).flatMap(([number, codec]) => (codec === undefined ? [] : [[number, codec] as const])),
);

const LZ4_MAGIC = 0x184d2204;
const LZ4_FLAGS_AT = 4;
const LZ4_DESCRIPTOR_AT = 5;
const LZ4_BLOCK_CHECKSUMS = 0x10;
const LZ4_CONTENT_SIZE = 0x08;
const LZ4_DICTIONARY = 0x01;
const LZ4_STORED = 0x80000000;

/**
 * What an LZ4 frame can decompress to at most, by its list of blocks: a stored block is as large as it is, a compressed one
 * at most the frame's block size. The size that a frame may state is anybody's claim, and not looked at.
 */
export function lz4MaxBytes(frame: Buffer): number {
  if (frame.length < 7 || frame.readUInt32LE(0) !== LZ4_MAGIC) return 0;
  const flags = frame[LZ4_FLAGS_AT]!;
  const maxBlockBytes = 2 ** (8 + 2 * ((frame[LZ4_DESCRIPTOR_AT]! >> 4) & 7));
  const trailerBytes = flags & LZ4_BLOCK_CHECKSUMS ? 4 : 0;
  let at = 7 + (flags & LZ4_CONTENT_SIZE ? 8 : 0) + (flags & LZ4_DICTIONARY ? 4 : 0);
  let bytes = 0;
  while (at + 4 <= frame.length) {
    const word = frame.readUInt32LE(at);
    if (word === 0) break;
    const blockBytes = word % LZ4_STORED;
    bytes += word >= LZ4_STORED ? blockBytes : maxBlockBytes;
    at += 4 + blockBytes + trailerBytes;
  }
  return bytes;
}
