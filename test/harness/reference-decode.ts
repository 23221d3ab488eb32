/** The bytes of the configs in `collector/simulate/configs/`, decoded by hand for the reference model. */

/** What decoding needs to know of the host. */
export interface Bytes {
  readonly littleEndian: boolean;
  readonly fact: (kind: string, id: bigint) => string | undefined;
}

export interface Event {
  readonly kind: number;
  readonly command: string;
  readonly size: bigint;
  readonly load: number;
}

type Cells = ReadonlyMap<string, { readonly value: bigint }>;
type Labels = Readonly<Record<string, string>>;

const SUM = 'sum';
const CONTEXTS: Readonly<Record<number, string>> = { 0: 'task', 1: 'softirq', 2: 'hardirq' };

/** Buckets by metric: how many, and what their bounds are multiplied with. */
const HISTOGRAMS: Readonly<Record<string, { buckets: number; multiplier: number }>> = {
  sim_latency_seconds: { buckets: 27, multiplier: 1e-6 },
  sim_event_size_bytes: { buckets: 21, multiplier: 1 },
};

/** The cell that a row of a map counts in: metric, labels in order, and of a histogram the bucket. */
export function keyOf(map: string, key: Uint8Array, { littleEndian, fact }: Bytes): string {
  const view = new DataView(key.buffer, key.byteOffset, key.length);
  switch (map) {
    case 'sim_calls_total':
      return cell(map, { command: text(key.subarray(0, 16)), code: String(view.getUint32(16, littleEndian)) });
    case 'sim_queue_bytes_total':
      return cell(map, { queue: String(view.getUint32(0, littleEndian)) });
    case 'sim_function_calls_total': {
      const address = view.getBigUint64(0, littleEndian);
      const context = view.getUint8(8);
      return cell(map, {
        function: fact('ksym', address) ?? `unknown_addr:0x${address.toString(16)}`,
        context: CONTEXTS[context] ?? `unknown:${context}`,
      });
    }
    case 'sim_latency_seconds': {
      const bucket = view.getUint32(4, littleEndian);
      return cell(map, { device: String(view.getUint32(0, littleEndian)) }, bucket === 27 ? SUM : bucket);
    }
    default:
      throw new Error(`no simulated map is named ${map}`);
  }
}

export function readEvent(record: Uint8Array, { littleEndian }: Bytes): Event {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  return {
    kind: view.getUint32(0, littleEndian),
    command: text(record.subarray(4, 16)),
    size: view.getBigUint64(16, littleEndian),
    load: view.getInt32(24, littleEndian),
  };
}

/** What one event does to which cells. */
export function measure(event: Event): readonly { key: string; add: bigint; set?: bigint }[] {
  const labels = { kind: String(event.kind) };
  let bucket = 0;
  while (bucket < 21 && event.size > 2n ** BigInt(bucket)) bucket++;
  return [
    { key: cell('sim_events_total', { ...labels, command: event.command }), add: 1n },
    { key: cell('sim_event_load', labels), add: 0n, set: BigInt(event.load) },
    { key: cell('sim_event_size_bytes', labels, bucket), add: 1n },
    { key: cell('sim_event_size_bytes', labels, SUM), add: event.size },
  ];
}

/** Samples of all cells. */
export function* series(
  cells: Cells,
  prefix: string,
  host: Labels,
): Generator<{ metric: string; labels: Labels; value: string }> {
  const histograms = new Set<string>();
  for (const [key, { value }] of cells) {
    const [metric, labels] = JSON.parse(key) as [string, Labels];
    if (HISTOGRAMS[metric] !== undefined) histograms.add(JSON.stringify([metric, labels]));
    else yield { metric: prefix + metric, labels: { ...host, ...labels }, value: String(value) };
  }
  for (const name of histograms) {
    const [metric, own] = JSON.parse(name) as [string, Labels];
    const { buckets, multiplier } = HISTOGRAMS[metric]!;
    const labels = { ...host, ...own };
    const count = (bucket: number | string): bigint => cells.get(cell(metric, own, bucket))?.value ?? 0n;
    let total = 0n;
    for (let bucket = 0; bucket < buckets; bucket++) {
      total += count(bucket);
      const le = bound(2 ** bucket * multiplier);
      yield { metric: `${prefix}${metric}_bucket`, labels: { ...labels, le }, value: String(total) };
    }
    total += count(buckets);
    yield { metric: `${prefix}${metric}_bucket`, labels: { ...labels, le: '+Inf' }, value: String(total) };
    yield { metric: `${prefix}${metric}_count`, labels, value: String(total) };
    const sum = count(SUM);
    const value = multiplier === 1 ? String(sum) : bound(Number(sum) * multiplier);
    yield { metric: `${prefix}${metric}_sum`, labels, value };
  }
}

function cell(metric: string, labels: Labels, bucket?: number | string): string {
  return JSON.stringify(bucket === undefined ? [metric, labels] : [metric, labels, bucket]);
}

/** As Go writes a float: with an exponent, of two digits at least, from 1e-05 down and from 1e+06 up. */
function bound(value: number): string {
  if (value === 0 || (value >= 1e-4 && value < 1e6)) return String(value);
  return value.toExponential().replace(/e([-+])(\d)$/, 'e$10$2');
}

/** Up to the first NUL; bytes that are not UTF-8 as U+FFFD and two hex digits, a real U+FFFD twice. */
function text(bytes: Uint8Array): string {
  const nul = bytes.indexOf(0);
  let rest = Buffer.from(nul < 0 ? bytes : bytes.subarray(0, nul));
  let result = '';
  while (rest.length > 0) {
    const [character] = rest.toString('utf8');
    const encoded = Buffer.from(character!);
    const isExact = rest.subarray(0, encoded.length).equals(encoded);
    if (isExact) result += character === '\uFFFD' ? '\uFFFD\uFFFD' : character;
    else result += `\uFFFD${rest.subarray(0, 1).toString('hex')}`;
    rest = rest.subarray(isExact ? encoded.length : 1);
  }
  return result;
}
