// `npm run build:bundle`: the command in two files under dist/sonde/, which start three times as fast as a thousand modules. It is what
// users run; tests of single modules run what tsc has compiled. `npm run build:cache` then adds what V8 compiles of it.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from './prepare.mjs';

const OUT = join(ROOT, 'dist/sonde');

rmSync(OUT, { recursive: true, force: true });
const common = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node20',
  logLevel: 'warning',
};
await build({
  ...common,
  entryPoints: { sonde: 'bin/bundled.ts', 'bcrypt-worker': 'lib/web-config/bcrypt-worker.ts' },
  outdir: OUT,
  format: 'esm',
  // For what packages that are no ES modules require.
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
  },
});
// A script, because Node compiles no module from a cache; one function, which bin/bundled.ts calls. Not minified: names and lines of a
// stack trace mean something.
await build({
  ...common,
  entryPoints: ['bin/cli.ts'],
  outfile: join(OUT, 'cli.cjs'),
  format: 'cjs',
  // With parts that are no JavaScript; kafkajs is mended by the paths of its files; bullmq is large, and few need it.
  external: ['bullmq', 'kafkajs', 'lz4-napi', '@node-rs/crc32'],
  supported: { 'dynamic-import': false },
  define: { 'import.meta.url': 'moduleUrl', 'import.meta.dirname': '__dirname' },
  banner: {
    js: "(function (require, __filename, __dirname) { const moduleUrl = require('node:url').pathToFileURL(__filename).href; const exports = {}, module = { exports };",
  },
  footer: { js: '})' },
});
