/**
 * What the addon offers, as TypeScript sees it. `native/` opens, loads, attaches, reads and closes; it knows nothing of
 * configs, metrics or frames.
 */

/** Shape of a kernel type, from the object's BTF. The same shape travels in Manifests (`TypeLayout` in `wire/frame.proto`). */
export interface TypeLayout {
  readonly kind: 'void' | 'int' | 'bool' | 'char' | 'float' | 'enum' | 'pointer' | 'array' | 'struct' | 'union';
  /** Name in the C source without `struct`/`enum`; a typedef's name where the type has none of its own; '' when anonymous. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Integers and enums. */
  readonly signed: boolean;
  /** Arrays: number of elements. */
  readonly length: number;
  /** Arrays: one entry, the element type. Otherwise empty. */
  readonly element: readonly TypeLayout[];
  /** Structs and unions. */
  readonly members: readonly MemberLayout[];
  /** Enums. */
  readonly values: readonly EnumValue[];
}

export interface MemberLayout {
  readonly name: string;
  readonly bitOffset: number;
  /** Bits; size * 8 unless it is a bit-field. */
  readonly bitSize: number;
  readonly type: TypeLayout;
}

export interface EnumValue {
  readonly name: string;
  readonly value: bigint;
}

export interface OpenOptions {
  /** Name used in errors and given to libbpf; default: the file's base name without `.bpf.o`. */
  readonly name?: string;
  /** BTF of the running kernel, when not `/sys/kernel/btf/vmlinux`. */
  readonly btfPath?: string;
}

export interface ProgramInfo {
  readonly id: number;
  /** Hex, 16 digits, as bpftool prints it. */
  readonly tag: string;
  /** Kernel's ids of the maps it uses. */
  readonly mapIds: readonly number[];
  /** Total, since load; 0 unless `kernel.bpf_stats_enabled`. */
  readonly runTimeNs: bigint;
  readonly runCount: bigint;
  /** How often the kernel skipped it, because it was hit while it ran on the same CPU; 0 before Linux 5.12. */
  readonly recursionMisses: bigint;
}

/**
 * An opened ELF object. Closed by the garbage collector when nobody holds it, its maps, programs or readers any more.
 * All calls are synchronous unless they return a promise, and throw {@link NativeErrorFields}.
 */
export interface BpfObject {
  readonly name: string;
  readonly programs: readonly BpfProgram[];
  /** Maps that the object's source declares, without libbpf's internal ones (.rodata, .bss, .data, .kconfig). */
  readonly maps: readonly BpfMap[];
  /**
   * Sets a `const volatile` (.rodata) global before load. Numbers are written in the global's own size, host byte order.
   * Throws with code `NO_SUCH_GLOBAL`, `GLOBAL_SIZE` or `ALREADY_LOADED`.
   */
  setGlobal(name: string, value: bigint | number | boolean | Uint8Array): void;
  hasGlobal(name: string): boolean;
  /** Loads maps and every program whose autoload is on. */
  load(): void;
  /**
   * The same on the thread pool: rejects with what `load` throws, and with `CLOSED` when it was closed meanwhile. Until then it is not
   * loaded, and cannot be changed any more.
   */
  loadAsync(): Promise<void>;
  /** Detaches and frees everything. Idempotent; safe in any state, also with reads under way (they reject with `CLOSED`). */
  close(): void;
}

export interface BpfProgram {
  readonly name: string;
  /** ELF section, such as `fentry/tcp_connect`. */
  readonly section: string;
  /** libbpf's name of the program type, such as `tracing` or `kprobe`. */
  readonly type: string;
  autoload: boolean;
  readonly loaded: boolean;
  /** It is attached to the function that {@link Native.postAttachMark} calls. */
  readonly awaitsMark: boolean;
  /**
   * Attaches by section: as libbpf does, and `perf_event/type=N,config=N,frequency=N`, `xdp/<interface>` and
   * `uprobe//proc/self/exe:post_attach_mark`. The link belongs to the object and goes with it.
   */
  attach(): BpfLink;
  info(): ProgramInfo;
}

export interface BpfLink {
  /** Detaches. Idempotent. */
  close(): void;
}

export interface BpfMap {
  readonly name: string;
  /** libbpf's name of the map type, such as `hash`, `lru_percpu_hash`, `ringbuf`. */
  readonly type: string;
  readonly keySize: number;
  /** Bytes of one value, of one CPU for per-CPU maps. Of ring buffers and perf event arrays what the kernel demands: 0, and 4. */
  readonly valueSize: number;
  /** Settable before load. */
  maxEntries: number;
  readonly flags: number;
  readonly perCpu: boolean;
  /** From BTF; null where the map was declared without types. */
  readonly keyLayout: TypeLayout | null;
  /** Ring buffers and perf event arrays: of a record, where `__type(value, …)` names one (of the latter: a struct or union). */
  readonly valueLayout: TypeLayout | null;
  /** Kernel's id of the map, after load. */
  readonly id: number;
  /** Per-CPU maps: the values of all possible CPUs side by side, each padded to 8 bytes; `update` takes the same. */
  lookup(key: Uint8Array): Uint8Array | null;
  update(key: Uint8Array, value: Uint8Array): void;
  /** False when there was no such key. */
  delete(key: Uint8Array): boolean;
  /** Throws with code `NOT_WALKABLE` for types that have no keys to walk (storage maps, ring buffers, …). */
  openReader(options?: MapReaderOptions): MapReader;
  /** `BUSY` while the map has a reader, `INVALID_ARGUMENT` for another type of map. */
  openRing(options: RingOptions): EventReader;
  openPerfBuffer(options: PerfBufferOptions): EventReader;
}

/** How one member of a per-CPU value becomes one 64-bit number: sums are modulo 2^64, smaller members are widened first. */
export interface Fold {
  readonly offset: number;
  readonly size: 1 | 2 | 4 | 8;
  readonly op: 'sum' | 'min' | 'max';
  readonly signed?: boolean;
}

export interface MapReaderOptions {
  /** Keys a call at most, to begin with (default 16384, bounded by the map's max_entries); doubled when one hash bucket needs more. */
  readonly chunkRows?: number;
  /**
   * Per-CPU maps: `fold` makes one value of all CPUs: a 64-bit number for each of the folds, in their order. `keep` lays all
   * possible CPUs' values side by side, each padded to 8 bytes, as the kernel hands them over. `split` makes a row of each possible
   * CPU: its number, a u16 in host byte order, is appended to the key, and its value is what `fold` would make of this CPU alone.
   */
  readonly perCpu?: 'fold' | 'keep' | 'split';
  /**
   * Members to fold. Left out: a sum of every 8 bytes, and of smaller numbers for the rest, so that a u64 or a smaller number is
   * one u64 sum. `INVALID_ARGUMENT` outside the value.
   */
  readonly fold?: readonly Fold[];
}

/**
 * Walks a map with `bpf_map_lookup_batch` (fallback: get_next_key + lookup) into two flat buffers that are reused.
 * `next()` fills them from row 0 and tells how many rows; 0 ends the walk, and the call after that starts a new one.
 * The buffers may be replaced by larger ones: read `keys` and `values` anew after every call.
 *
 * In batches a row that lives throughout the walk comes exactly once. Row by row, too, but a map that changes faster than
 * it can be walked makes `next()` fail with `EAGAIN`. After a failure the next call starts a new walk.
 */
export interface MapReader {
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  /** Bytes of a row in `values`. */
  readonly valueStride: number;
  readonly possibleCpus: number;
  /** Whether the walk goes in batches or row by row. */
  readonly mode: 'batch' | 'walk';
  /** On the libuv thread pool. One call at a time: `BUSY`. */
  next(): Promise<number>;
  /** The same on the calling thread: for small maps and for benches. */
  nextSync(): number;
  close(): void;
}

export interface EventBatch {
  /** Records back to back, each starting at a multiple of 8. Valid until the callback returns. */
  readonly data: Uint8Array;
  /** Bytes of `data` that are used. */
  readonly bytes: number;
  /** Length of each record in bytes. Perf buffers: as the kernel pads it, up to 7 more than the program wrote. */
  readonly lengths: Uint32Array;
  readonly count: number;
  /** Perf buffers: records that the kernel could not write since the last batch; ring buffers: 0. */
  readonly lost: number;
}

export interface RingOptions {
  /**
   * Called once a batch on the event loop, with an object and buffers that are reused. A throw is an uncaught exception,
   * as for any event handler; the reader goes on.
   */
  readonly onBatch: (batch: EventBatch) => void;
  /** Bytes of the arena, which bounds a batch (default 512 KiB). A record that does not fit an empty arena is counted in `oversize`. */
  readonly arenaBytes?: number;
  /** Records a batch at most (default 16384). */
  readonly maxRecords?: number;
  /** Batches a drain at most, before the event loop gets its turn (default 4). */
  readonly maxBatches?: number;
  /** Pause after a drain before waiting for wake-ups again (default 5). */
  readonly rearmMs?: number;
  /** A drain at least this often, because records without wake-up never signal (default 100). */
  readonly maxDelayMs?: number;
}

export interface PerfBufferOptions extends RingOptions {
  /** Pages a CPU, a power of two (default 64). */
  readonly pages?: number;
}

export interface EventReaderStats {
  readonly records: bigint;
  readonly bytes: bigint;
  readonly batches: bigint;
  /** Ring buffers: records that the program discarded. */
  readonly discarded: bigint;
  /** Perf buffers: records that the kernel could not write. */
  readonly lost: bigint;
  /** Records larger than the arena, skipped. */
  readonly oversize: bigint;
  /** Most bytes ever seen waiting at the start of a drain, and the bytes there are. Perf buffers: of one CPU, the fullest. */
  readonly highWaterBytes: number;
  readonly sizeBytes: number;
}

export interface EventReader {
  /** Begins to wait for events. A reader keeps the event loop alive from here to `close()`. */
  start(): void;
  /**
   * Drains now, until empty or `maxBatches`; true when records are left. What the callback throws comes out of here, and
   * its batch counts as delivered. `BUSY` within the callback.
   */
  drain(): boolean;
  stats(): EventReaderStats;
  /** Idempotent; may be called in the callback. */
  close(): void;
}

/**
 * Directories that come and go. `read` gives what the kernel writes, as it writes it: `struct fanotify_event_metadata` with its
 * information records (parent's file handle and the name; since Linux 5.17 also the handle of what was deleted), or
 * `struct inotify_event`. Either way only directories that are made, deleted or moved; inotify tells of files, too.
 */
export interface DirectoryEvents {
  /**
   * fanotify: watches the whole file system that holds `path`, and returns its id, which its events carry; `EPERM` without
   * CAP_SYS_ADMIN. inotify: watches this directory, and returns the watch descriptor; `ENOSPC` beyond
   * fs.inotify.max_user_watches.
   */
  watch(path: Uint8Array): bigint;
  /** Whole events, as many as fit, at the start of `buffer`. Returns their bytes; 0: there is none. */
  read(buffer: Uint8Array): number;
  /** Calls back on the event loop whenever there is something to read, and keeps the loop alive until `close()`. */
  start(onReadable: () => void): void;
  /** Idempotent; may be called in the callback. */
  close(): void;
}

/** The kernel's clocks read together: MONOTONIC before and after the others; the narrowest of several tries. Nanoseconds. */
export interface ClockAnchor {
  readonly monotonicNs: bigint;
  readonly boottimeNs: bigint;
  readonly realtimeNs: bigint;
  /** Width of the bracket: how far apart the three can be. */
  readonly uncertaintyNs: bigint;
}

/** What a kernel may have or lack. `lsm`: hooks that are called, `perf_hardware`: counters of the CPU. */
export type KernelFeature =
  | 'fentry'
  | 'kprobe'
  | 'kprobe_multi'
  | 'uprobe'
  | 'uprobe_multi'
  | 'tp_btf'
  | 'tracepoint'
  | 'lsm'
  | 'ringbuf'
  | 'cgrp_storage'
  | 'perf_hardware';

/** Fields of every error thrown here (`name` is `NativeError`). */
export interface NativeErrorFields {
  /** errno name (`EPERM`) or one of ours: `CLOSED`, `ALREADY_LOADED`, `NOT_LOADED`, `NOT_WALKABLE`, `NO_SUCH_GLOBAL`, `GLOBAL_SIZE`, `NOT_ELF`, `NOT_BPF`, `INVALID_ARGUMENT`, `BUSY`. */
  readonly code: string;
  /** Positive; 0 when the kernel was not involved. */
  readonly errno: number;
  /** `open`, `load`, `attach`, `lookup`, `read`, … */
  readonly operation: string;
  readonly object: string;
  /** The program at fault, as far as libbpf says, else ''. */
  readonly program: string;
  readonly map: string;
  /** What libbpf (and the verifier) printed during the call; of more than 1 MiB the end. */
  readonly log: string;
}

export interface Native {
  /** Opens an ELF object from a path or its bytes. */
  open(source: string | Uint8Array, options?: OpenOptions): BpfObject;
  /** `EPERM` where fanotify is not permitted, `EMFILE` when there are too many of them. */
  openDirectoryEvents(kind: 'fanotify' | 'inotify'): DirectoryEvents;
  clockAnchor(): ClockAnchor;
  /** libbpf's own version, such as `1.1`. */
  readonly libbpfVersion: string;
  possibleCpus(): number;
  /** Sends one datagram to a Unix socket: the name of its file, or `@` and an abstract name. Never waits: `EAGAIN` when it is full. */
  sendDatagram(path: string, text: string): void;
  /**
   * Gives up all capabilities but these (bits by number, as in linux/capability.h), in every thread of the process, and with that
   * in all threads to come. What can be had again by executing a file goes, too: no_new_privs is set, and the bounding set shrinks
   * where CAP_SETPCAP permits it. Cannot be taken back. `EPERM` when a thread does not follow within 2 s.
   */
  keepCapabilities(keep: bigint): void;
  /**
   * Whether this kernel, as it is configured and locked down, does this for us: found out by trying. `fentry`, `tp_btf` and `lsm`
   * take some milliseconds, the others less.
   */
  hasFeature(name: KernelFeature): boolean;
  /**
   * Has the kernel count how often and for how long programs run, until the file descriptor that is returned is closed. Costs some
   * nanoseconds a run.
   */
  enableRunStats(): number;
  /** Whether this kernel wants a capability for reading maps that are held open: asked with none in force for the moment. */
  mapsNeedCapability(): boolean;
  /** The name that the network interface of this index (a u32) has now, in the process's own network namespace; null: there is none. */
  interfaceName(index: number): Uint8Array | null;
  /**
   * The bytes of a file, read on the thread pool in one go: Node makes a task of its own of every 4 KiB that a file of /proc gives.
   * Rejects with a NativeError whose code is that of the errno.
   */
  readFile(path: string): Promise<Buffer>;
  /** Whether all that libbpf says, its debug log included, also goes to standard error, in this whole process. */
  printLog(on: boolean): void;
  /** Calls the addon's function `post_attach_mark`, to which programs may be attached that run once, when all is attached. */
  postAttachMark(): void;
  /**
   * Gives back to the system what C code has freed, and the kernel's BTF that objects share while they are loaded: some 20 MB. From then
   * on large blocks go back by themselves, at the price of fresh pages for each. Takes a few milliseconds.
   */
  trimMemory(): void;
}
