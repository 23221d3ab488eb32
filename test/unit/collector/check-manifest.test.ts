import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkManifest } from '../../../collector/probe/check-manifest.js';
import type { FrameBody } from '../../../collector/publish/frame-encoder.js';

function manifest(sizesKiB: readonly number[]): FrameBody {
  const configs = sizesKiB.map((size, i) => ({ name: `config-${i}`, yaml: new Uint8Array(size * 1024) }));
  return { case: 'manifest', value: { configs } };
}

test('configs that do not fit one frame are named, the largest first', () => {
  checkManifest(manifest([256, 256, 256, 100]));
  assert.throws(
    () => checkManifest(manifest([250, 256, 200, 240])),
    /947 KiB .* 900 KiB .* \(config-1 257 KiB, config-0 251 KiB, config-3 241 KiB, config-2 201 KiB\): shorten them/,
  );
});
