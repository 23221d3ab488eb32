import { create, fromBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { FrameSchema, type Frame, type HostFacts } from './gen/frame_pb.js';
import { SondeError } from './errors.js';
import { writeFrame } from './frame-writer.js';

export type {
  ClockAnchor,
  Config,
  Frame,
  Health,
  HostFacts,
  Lookup,
  Manifest,
  Map as MapShape,
  MapRows,
  Program,
  Records,
} from './gen/frame_pb.js';
export { HealthSchema, LookupSchema, ManifestSchema } from './gen/frame_pb.js';

/** Version of the envelope this code writes. */
export const WIRE_MAJOR = 1;
export const WIRE_MINOR = 1;

/**
 * Size that one frame's columns aim for, in bytes. Kafka would take 900 KiB; smaller frames let the aggregator apply one in
 * a few milliseconds, so that the event loop is never held for long.
 */
export const FRAME_TARGET_BYTES = 256 * 1024;

/** Bytes of a frame at most, before compression: what a bus takes as one record. */
export const FRAME_MAX_BYTES = 900 * 1024;

export type FrameInit = MessageInitShape<typeof FrameSchema>;
export type HostFactsInit = Omit<HostFacts, '$typeName' | '$unknown'>;

/** Bytes of a Frame, stamped with this code's wire version. */
export function encodeFrame(frame: FrameInit): Uint8Array {
  return writeFrame(create(FrameSchema, { ...frame, versionMajor: WIRE_MAJOR, versionMinor: WIRE_MINOR }));
}

/**
 * The Frame in `bytes`. Payloads are views into `bytes`.
 * Throws a SondeError: `FRAME_MALFORMED` (not protobuf, no host, no body) or `FRAME_VERSION` (a major version of the future).
 */
export function decodeFrame(bytes: Uint8Array): Frame {
  let frame: Frame;
  try {
    frame = fromBinary(FrameSchema, bytes, { readUnknownFields: false });
  } catch (cause) {
    throw new SondeError('FRAME_MALFORMED', `frame of ${bytes.length} bytes is not a sonde.wire.v1.Frame`, {
      stage: 'decode',
      cause,
    });
  }
  if (frame.versionMajor !== WIRE_MAJOR) {
    throw new SondeError(
      'FRAME_VERSION',
      `frame of wire version ${frame.versionMajor}.${frame.versionMinor}, this aggregator reads ${WIRE_MAJOR}.x: upgrade it`,
      { stage: 'decode' },
    );
  }
  if (frame.hostId === '' || frame.session.length !== 16 || frame.body.case === undefined) {
    throw new SondeError('FRAME_MALFORMED', 'frame without host id, session or body', { stage: 'decode' });
  }
  return frame;
}

/** Packed little-endian u32s of a column as numbers: a view where it is aligned, else a copy. Length must be a multiple of 4. */
export function unpackU32(column: Uint8Array): Uint32Array {
  // Not column.slice(): a Buffer's is a view.
  const { buffer, byteOffset, byteLength } = (column.byteOffset & 3) === 0 ? column : Uint8Array.from(column);
  return new Uint32Array(buffer, byteOffset, byteLength >>> 2);
}

/** Packed little-endian u32s as a column: a view. (All supported hosts, x86-64 and arm64, are little endian.) */
export function packU32(numbers: Uint32Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}
