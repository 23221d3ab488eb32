// `npm run build:bundle`: the command in a few files under dist/sonde/, which starts twice as fast as from a thousand modules. It is
// what users run; tests of single modules run what tsc has compiled.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from './prepare.mjs';

const OUT = join(ROOT, 'dist/sonde');

rmSync(OUT, { recursive: true, force: true });
await build({
  absWorkingDir: ROOT,
  entryPoints: ['bin/sonde.ts', 'lib/web-config/bcrypt-worker.ts'],
  entryNames: '[name]',
  outdir: OUT,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minify: true,
  keepNames: true,
  sourcemap: true,
  sourcesContent: false,
  logLevel: 'warning',
  // With parts that are no JavaScript; kafkajs is mended by the paths of its files.
  external: ['kafkajs', 'lz4-napi', '@node-rs/crc32'],
  // For what packages that are no ES modules require.
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
  },
});
