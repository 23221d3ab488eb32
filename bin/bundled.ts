#!/usr/bin/env node
// What users run: the command as one script, compiled by V8 beforehand. See scripts/build-bundle.mjs.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { keepYoungGenerationSmall } from '../lib/young-generation.js';

type Command = (require: NodeJS.Require, filename: string, dirname: string) => void;

/** What V8 made of the script when it was built. Without it, or when V8 or its flags are others, it is compiled as it runs. */
function codeCache(filename: string): Buffer | undefined {
  try {
    return readFileSync(`${filename}.cache`);
  } catch {
    return undefined;
  }
}

// First of all, because the cache is for these flags, and because loading alone makes the young generation large.
keepYoungGenerationSmall();
const filename = fileURLToPath(new URL('cli.cjs', import.meta.url));
// In ASCII, as esbuild writes it: V8 keeps one byte a character, outside of its heap.
const source = readFileSync(filename, 'latin1');
const script = new Script(source, { filename, cachedData: codeCache(filename) });
const command = script.runInThisContext() as Command;
command(createRequire(filename), filename, dirname(filename));
