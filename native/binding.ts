import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { NativeError } from './error.js';
import type { ClockAnchor, EventReaderStats, KernelFeature, ProgramInfo, TypeLayout } from './types.js';

/** The addon as C++ exports it. Not for use outside `native/`: it checks no types. */
export interface Binding {
  setErrorClass(errorClass: typeof NativeError): void;
  open(source: string | Uint8Array, name: string, btfPath: string): RawObject;
  openDirectoryEvents(fanotify: boolean): RawDirectoryEvents;
  clockAnchor(): ClockAnchor;
  possibleCpus(): number;
  sendDatagram(path: string, text: string): void;
  keepCapabilities(keep: bigint): void;
  mapsNeedCapability(): boolean;
  interfaceName(index: number): Uint8Array | null;
  readFile(path: string): Promise<Uint8Array>;
  enableRunStats(): number;
  hasFeature(name: KernelFeature): boolean;
  postAttachMark(): void;
  trimMemory(): void;
  printLog(on: boolean): void;
  readonly libbpfVersion: string;
}

export interface RawProgramShape {
  readonly name: string;
  readonly section: string;
  readonly type: string;
  readonly awaitsMark: boolean;
}

export interface RawMapShape {
  readonly name: string;
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly flags: number;
  readonly perCpu: boolean;
  readonly keyLayout: TypeLayout | null;
  readonly valueLayout: TypeLayout | null;
}

/** Programs and maps are indices into `programs()` and `maps()`; links are ids. */
export interface RawObject {
  programs(): RawProgramShape[];
  maps(): RawMapShape[];
  /** -1 when there is no such global. */
  globalSize(name: string): number;
  setGlobal(name: string, bytes: Uint8Array): void;
  load(): void;
  loadAsync(): Promise<void>;
  close(): void;
  autoload(program: number): boolean;
  setAutoload(program: number, autoload: boolean): void;
  loaded(program: number): boolean;
  attach(program: number): number;
  detach(link: number): void;
  programInfo(program: number): ProgramInfo;
  maxEntries(map: number): number;
  setMaxEntries(map: number, entries: number): void;
  mapId(map: number): number;
  lookup(map: number, key: Uint8Array): Uint8Array | null;
  update(map: number, key: Uint8Array, value: Uint8Array): void;
  delete(map: number, key: Uint8Array): boolean;
  openReader(map: number, options: RawReadOptions): RawMapReader;
  openEvents(map: number, options: RawEventOptions): RawEventReader;
}

export interface RawReadOptions {
  readonly chunkRows: number;
  readonly keep: boolean;
  readonly split: boolean;
  /** offset, size, op (0 sum, 1 min, 2 max), signed (0 or 1) of each fold; empty for the default. */
  readonly folds: Uint32Array;
}

export interface RawMapReader {
  /** A new ArrayBuffer over the buffer: ask once for each `capacity()`. */
  keys(): ArrayBuffer;
  values(): ArrayBuffer;
  /** Rows the buffers hold. They were replaced when this changed. */
  capacity(): number;
  valueStride(): number;
  possibleCpus(): number;
  batch(): boolean;
  next(): Promise<number>;
  nextSync(): number;
  close(): void;
}

export interface RawEventOptions {
  readonly arenaBytes: number;
  readonly maxRecords: number;
  readonly maxBatches: number;
  readonly rearmMs: number;
  readonly maxDelayMs: number;
  /** Pages a CPU of a perf buffer; 0 for a ring buffer. */
  readonly pages: number;
}

export type RawBatchCallback = (bytes: number, count: number, lost: number) => void;

export interface RawEventReader {
  /** The arena and the lengths; ask once. */
  data(): ArrayBuffer;
  lengths(): ArrayBuffer;
  start(onBatch: RawBatchCallback): void;
  drain(onBatch: RawBatchCallback): boolean;
  stats(): EventReaderStats;
  close(): void;
}

export interface RawDirectoryEvents {
  watch(path: Uint8Array): bigint;
  read(buffer: Uint8Array): number;
  start(onReadable: () => void): void;
  close(): void;
}

/** The addon is built in `native/build`; this file runs from `dist/native`. */
function addonPath(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return join(folder, 'native', 'build', 'Release', 'sonde_native.node');
}

let loaded: Binding | undefined;

/** Loads the addon at the first call. Throws an Error that says what to do when it is not built. */
export function binding(): Binding {
  if (loaded !== undefined) return loaded;
  const path = addonPath();
  if (!existsSync(path)) throw new Error(`The native addon ${path} is missing: run \`npm run build:native\``);
  loaded = createRequire(import.meta.url)(path) as Binding;
  loaded.setErrorClass(NativeError);
  return loaded;
}
