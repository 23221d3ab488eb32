/**
 * A probe's config as the program uses it: every default applied, durations in milliseconds, nothing left to interpret.
 * `schema.ts` says what may be written in YAML, `parse.ts` makes one from the other.
 */

export const DECODER_NAMES = [
  'uint',
  'hex',
  'string',
  'inet_ip',
  'dname',
  'errno',
  'syscall',
  'static_map',
  'regexp',
  'ksym',
  'kstack',
  'cgroup',
  'ifname',
  'majorminor',
  'pci_vendor',
  'pci_device',
  'pci_class',
  'pci_subclass',
] as const;
export type DecoderName = (typeof DECODER_NAMES)[number];

/** Decoders whose answer only the host knows; the collector looks it up, so only `uint` may stand before them. */
export const HOST_DECODER_NAMES = [
  'ksym',
  'kstack',
  'cgroup',
  'ifname',
  'majorminor',
  'pci_vendor',
  'pci_device',
  'pci_class',
  'pci_subclass',
] as const satisfies readonly DecoderName[];
export type HostDecoderName = (typeof HOST_DECODER_NAMES)[number];

export interface DecoderConfig {
  readonly name: DecoderName;
  /** `static_map` only. */
  readonly staticMap?: ReadonlyMap<string, string>;
  /** `static_map`: text that is not in the map stays as it is, instead of `unknown:<text>`. */
  readonly allowUnknown: boolean;
  /** `regexp` only, in RE2 syntax; the first that matches counts. */
  readonly regexps: readonly string[];
}

export type AttributeType = 'string' | 'int' | 'double' | 'bool' | 'bytes';

export interface LabelConfig {
  readonly name: string;
  /** Bytes; absent: from the type that the map's BTF gives. */
  readonly size?: number;
  /** Bytes skipped after the field. */
  readonly padding: number;
  /** Struct member that is read, such as `addr.port`, instead of the next `size` bytes. */
  readonly member?: string;
  /** Empty: the text of the member's own type. */
  readonly decoders: readonly DecoderConfig[];
  /** Type of a span's or an event's attribute; absent: string. */
  readonly as?: AttributeType;
  /** RE2; matching bytes are overwritten before they leave the host. */
  readonly redact?: string;
}

/** Where values come from. `map` is the BPF map's name: the metric's own for `map`, the buffer's for the others. */
export interface MetricSource {
  readonly kind: 'map' | 'ringbuf' | 'perf_buffer';
  readonly map: string;
}

export type Aggregate = 'sum' | 'min' | 'max' | 'last';

/** Label names that hold an exemplar's ids. */
export interface ExemplarConfig {
  readonly traceId: string;
  readonly spanId?: string;
}

/** Bounds of a metric's cardinality; absent: none. */
export interface LimitsConfig {
  /** Series at most; what is beyond goes to one overflow series. */
  readonly cap?: number;
  /** Milliseconds of frame time after which a series that has vanished (or had no event) ends. */
  readonly ttlMs?: number;
  /** Only the largest N series, the rest as `other`. */
  readonly top?: number;
  /** Labels that stay; empty: all. */
  readonly keep: readonly string[];
  /** Labels that go. */
  readonly drop: readonly string[];
}

interface MetricConfig {
  /** Without the `ebpf_exporter_` prefix. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly LabelConfig[];
  readonly source: MetricSource;
  /** Struct member that is the value; absent: the map's whole value (u64), or 1 an event. */
  readonly value?: string;
  /** How values of equal label sets become one. */
  readonly aggregate: Aggregate;
  readonly exemplar?: ExemplarConfig;
  readonly limits?: LimitsConfig;
  /** Milliseconds after which a series fed by events ends, when it had none. */
  readonly flushIntervalMs?: number;
}

export interface CounterConfig extends MetricConfig {
  readonly type: 'counter';
}

export interface GaugeConfig extends MetricConfig {
  readonly type: 'gauge';
  /** Milliseconds of a window, of which the least or greatest value of events is shown: fed by events, `min` or `max` only. */
  readonly windowMs?: number;
}

/** `native`: no classic buckets at all (event-fed histograms only). */
export type BucketType = 'exp2' | 'exp2zero' | 'linear' | 'fixed' | 'native';

export interface HistogramConfig extends MetricConfig {
  readonly type: 'histogram';
  readonly bucketType: BucketType;
  /** First and last bucket, inclusive; `fixed`: first and last of `bucketKeys`; `native`: 0. */
  readonly bucketMin: number;
  readonly bucketMax: number;
  /** `fixed` only: ascending, without repetition. */
  readonly bucketKeys: readonly number[];
  /** What the kernel's unit is multiplied with; never 0. */
  readonly bucketMultiplier: number;
  /** An exponential native histogram beside the classic one, or alone with bucket type `native`. */
  readonly native: boolean;
}

export type AnyMetricConfig = CounterConfig | GaugeConfig | HistogramConfig;

export interface SpanConfig {
  readonly ringbuf: string;
  readonly name: string;
  readonly service: string;
  readonly labels: readonly LabelConfig[];
}

export interface EventConfig {
  readonly ringbuf: string;
  readonly name: string;
  readonly labels: readonly LabelConfig[];
}

export interface CgroupIdMapConfig {
  /** Name of the map that holds 1 for each matching cgroup. */
  readonly name: string;
  /** `hash`: key is the 8-byte cgroup id. `cgrp_storage`: key is a 4-byte cgroup fd. */
  readonly type: 'hash' | 'cgrp_storage';
  /** RE2, over cgroup paths. */
  readonly regexps: readonly string[];
}

export const KERNEL_FEATURES = [
  'fentry',
  'kprobe',
  'kprobe_multi',
  'uprobe',
  'uprobe_multi',
  'tp_btf',
  'tracepoint',
  'lsm',
  'ringbuf',
  'cgrp_storage',
  'perf_hardware',
] as const;
export type KernelFeature = (typeof KERNEL_FEATURES)[number];

/** What must hold for a variant to be tried; empty: nothing. */
export interface VariantConditions {
  /** Features that the kernel must have (true) or lack (false). */
  readonly features: ReadonlyMap<KernelFeature, boolean>;
  /** Kernel functions that must exist. */
  readonly functions: readonly string[];
  /** `uname -m`: one of these; empty: any. */
  readonly arch: readonly string[];
}

/** One way to run the probe; of several, the first that the kernel takes is used. */
export interface VariantConfig {
  readonly name: string;
  /** Object file beside the YAML; absent: `<config>.bpf.o`. */
  readonly object?: string;
  /** Programs that belong to it; empty: all that no other variant names. */
  readonly programs: readonly string[];
  readonly when: VariantConditions;
}

export interface ProbeConfig {
  readonly name: string;
  /** Path of the YAML file, as given. */
  readonly file: string;
  /** Its text. */
  readonly yaml: string;
  readonly counters: readonly CounterConfig[];
  readonly gauges: readonly GaugeConfig[];
  readonly histograms: readonly HistogramConfig[];
  readonly spans: readonly SpanConfig[];
  readonly events: readonly EventConfig[];
  /** Kernel symbols whose addresses go to `const volatile u64 kaddr_<sym>`. */
  readonly kaddrs: readonly string[];
  readonly cgroupIdMap: CgroupIdMapConfig | null;
  /** Empty: one unnamed way, all programs of `<name>.bpf.o`. */
  readonly variants: readonly VariantConfig[];
  /** Whether it runs when no names are given. */
  readonly enabledByDefault: boolean;
  /** Shows people's data. */
  readonly sensitive: boolean;
}
