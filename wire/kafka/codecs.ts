import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { lz4Compress, lz4Decompress } from './lz4.js';

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
  compress: lz4Compress,
  decompress: lz4Decompress,
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
