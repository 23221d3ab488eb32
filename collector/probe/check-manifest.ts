import { SondeError } from '../../wire/errors.js';
import type { FrameBody } from '../publish/frame-encoder.js';
import { encodeFrame, FRAME_MAX_BYTES } from '../../wire/frame.js';

/** Throws a SondeError `CONFIG` when what the configs say does not fit one frame. */
export function checkManifest(manifest: FrameBody): void {
  if (manifest.case !== 'manifest') return;
  const bytes = sizeOf(manifest);
  if (bytes <= FRAME_MAX_BYTES) return;
  const configs = (manifest.value.configs ?? [])
    .map((config) => ({
      name: config.name ?? '',
      bytes: sizeOf({ case: 'manifest', value: { configs: [config] } }),
    }))
    .sort((a, b) => b.bytes - a.bytes)
    .map((config) => `${config.name} ${inKiB(config.bytes)}`);
  throw new SondeError(
    'CONFIG',
    `all configs together have ${inKiB(bytes)} with their maps' types, and ${inKiB(FRAME_MAX_BYTES)} are what a frame can carry` +
      ` (${configs.join(', ')}): shorten them, or run fewer on this host`,
    { stage: 'load' },
  );
}

/** With room for what a frame adds. */
function sizeOf(body: FrameBody): number {
  return encodeFrame({ body }).length + 512;
}

function inKiB(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KiB`;
}
