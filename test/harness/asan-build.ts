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
  for (const path of [
    'package.json',
    'scripts',
    'native/src',
    'native/binding.gyp',
    'dist/lib',
    'dist/native',
    'dist/test',
  ])
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
      ASAN_OPTIONS: 'detect_leaks=1:malloc_context_size=24',
      // Node and V8 leak by design when a process exits early: the report is read (see leaksOf), not the status.
      LSAN_OPTIONS: `exitcode=0:print_suppressions=0:suppressions=${join(root, 'test', 'asan', 'lsan.supp')}`,
    },
  };
}

/** A frame of the addon's sources, as gyp compiles them, or of libbpf. */
const OURS = / \.\.\/src\/\w+\.(cc|h):|\/libbpf\.so/;
/** Frames that allocate on behalf of the frame below them. */
const ALLOCATORS =
  / in (__interceptor|operator new|std::|void\* std::|napi_|v8impl::|Napi::|New )|napi-inl\.h|include\/c\+\+|libstdc\+\+/;

/** Leaks of a LeakSanitizer report that the addon or libbpf allocated, each with its stack. */
export function leaksOf(report: string): string[] {
  return report.split(/\n(?=(?:Direct|Indirect) leak of )/).filter((leak) => {
    const frames = leak.split('\n').filter((line) => /^\s+#\d+ /.test(line));
    const owner = frames.find((frame) => OURS.test(frame) || !ALLOCATORS.test(frame)) ?? '';
    return OURS.test(owner);
  });
}
