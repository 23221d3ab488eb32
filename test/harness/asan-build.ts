import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, lstatSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from './root.js';

const root = packageRoot();
/** A second package beside the first one: the addon is found by its folder, so that no code of ours need know of ASan. */
const stage = join(root, '.cache', 'asan');

const FLAGS = '-fsanitize=address -fno-omit-frame-pointer -g -O1';

function copy(path: string): void {
  rmSync(join(stage, path), { recursive: true, force: true });
  cpSync(join(root, path), join(stage, path), { recursive: true, preserveTimestamps: true });
}

function link(path: string): void {
  const at = join(stage, path);
  if (lstatSync(at, { throwIfNoEntry: false }) !== undefined || !existsSync(join(root, path))) return;
  mkdirSync(dirname(at), { recursive: true });
  symlinkSync(join(root, path), at);
}

/** Path of a library of the compiler's, such as `libasan.so`. */
function compilerFile(name: string): string {
  return execFileSync('c++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
}

export interface AsanBuild {
  /** Where the compiled scripts are that use this build. */
  readonly dist: string;
  /** Environment that node needs to load it. */
  readonly env: NodeJS.ProcessEnv;
}

/** Builds the addon with AddressSanitizer (only when its sources changed) and lays out the compiled tests around it. */
export function buildWithAsan(): AsanBuild {
  mkdirSync(stage, { recursive: true });
  for (const path of ['package.json', 'scripts', 'native/src', 'native/binding.gyp', 'dist/native', 'dist/test'])
    copy(path);
  for (const path of ['node_modules', 'test', 'bpf', '.cache']) link(path);
  const build = spawnSync(process.execPath, ['scripts/build-native.mjs'], {
    cwd: stage,
    env: { ...process.env, CXXFLAGS: FLAGS, LDFLAGS: '-fsanitize=address' },
    encoding: 'utf8',
  });
  if (build.status !== 0) throw new Error(`the build with AddressSanitizer failed:\n${build.stdout}${build.stderr}`);
  return {
    dist: join(stage, 'dist'),
    env: {
      // libstdc++ with it, or ASan finds no __cxa_throw to wrap: node brings its own only later.
      LD_PRELOAD: `${compilerFile('libasan.so')} ${compilerFile('libstdc++.so')}`,
      // Node and V8 leak by design at exit; the report is read, and only what passes through the addon counts.
      ASAN_OPTIONS: 'detect_leaks=1:fast_unwind_on_malloc=0:malloc_context_size=24',
      LSAN_OPTIONS: 'exitcode=0:max_leaks=0',
    },
  };
}
