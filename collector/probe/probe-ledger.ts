import type { FrameBody } from '../publish/frame-encoder.js';
import type { CountedLoss } from '../loss-reader.js';
import type { RecordAccount } from '../publish/record-account.js';
import type { RecordReader } from '../source/record-reader.js';

type Health = Extract<FrameBody, { case: 'health' }>['value'];
/** Parts of a Health body. */
export type Ledger = Required<Pick<Health, 'losses' | 'hops' | 'buffers'>>;
type Loss = Ledger['losses'][number];
type Hop = Ledger['hops'][number];

export interface ProbeLedgerOptions {
  readonly config: string;
  /** What the programs counted, and what the kernel kept from them. */
  readonly counted: readonly CountedLoss[];
  readonly pollers: readonly LedgerMap[];
  readonly readers: readonly LedgerBuffer[];
}

/** What is asked of a map that is read. */
interface LedgerMap {
  readonly name: string;
  readonly tracker: { readonly restarted: number; readonly abandoned: number };
}

/** What is asked of a buffer that is drained. */
type LedgerBuffer = Pick<RecordReader, 'name' | 'type' | 'account' | 'stats'>;

/** What one probe lost on this host, 0 included, and the way of its records: at each hop in = out + lost + waiting. */
export function probeLedger({ config, counted, pollers, readers }: ProbeLedgerOptions): Ledger {
  const rings = readers.filter(({ type }) => type === 'ringbuf');
  // The programs count by reason, not by buffer: with one ring buffer it is clear which had no room.
  const ringOf = (reason: string): string => (reason === 'ring_full' && rings.length === 1 ? rings[0]!.name : '');
  const losses: Loss[] = [
    ...counted.map(({ reason, count }) => ({ hop: 'kernel', reason, config, map: ringOf(reason), count })),
    ...pollers.flatMap(({ name, tracker }) => [
      // Counts that a row had when it was evicted are lost only as far as no read had seen them.
      { hop: 'kernel', reason: 'suspected_eviction', config, map: name, count: BigInt(tracker.restarted) },
      { hop: 'collector', reason: 'vanished_unsent', config, map: name, count: BigInt(tracker.abandoned) },
    ]),
    ...readers.flatMap((reader) => readerLosses(config, reader)),
  ];
  const hops = readers.flatMap((reader) => readerHops(config, reader, losses));
  if (rings.length > 1) hops.push(kernelHop(config, '', 0n, losses));
  const buffers = readers.map((reader) => {
    const { highWaterBytes, sizeBytes } = reader.stats();
    return { config, map: reader.name, highWaterBytes: BigInt(highWaterBytes), sizeBytes: BigInt(sizeBytes) };
  });
  return { losses, hops, buffers };
}

/** What an earlier session left in the spool, and what became of it. Nothing when nothing was there. */
export function spoolLedger(recovered: RecordAccount): Ledger {
  if (recovered.in === 0) return { losses: [], hops: [], buffers: [] };
  const losses = accountLosses('spool', '', '', recovered);
  return { losses, hops: [accountHop('spool', '', '', recovered)], buffers: [] };
}

function readerLosses(config: string, reader: LedgerBuffer): Loss[] {
  const { lost, oversize } = reader.stats();
  const map = reader.name;
  const kernel =
    reader.type === 'ringbuf' ? [] : [{ hop: 'kernel', reason: 'perf_buffer_full', config, map, count: lost }];
  return [
    ...kernel,
    { hop: 'collector', reason: 'oversize', config, map, count: oversize },
    ...accountLosses('collector', config, map, reader.account),
  ];
}

function accountLosses(hop: string, config: string, map: string, { lost }: RecordAccount): Loss[] {
  return [...lost].map(([reason, count]) => ({ hop, reason, config, map, count: BigInt(count) }));
}

function readerHops(config: string, reader: LedgerBuffer, losses: readonly Loss[]): Hop[] {
  const { records, oversize } = reader.stats();
  return [
    kernelHop(config, reader.name, records + oversize, losses),
    accountHop('collector', config, reader.name, reader.account, oversize),
  ];
}

/** What a program wanted to write is not counted as a whole: it is what came out and what is known to be lost. */
function kernelHop(config: string, map: string, out: bigint, losses: readonly Loss[]): Hop {
  const lost = losses.filter((loss) => loss.hop === 'kernel' && loss.map === map);
  const sum = lost.reduce((total, { count }) => total + BigInt(count ?? 0n), 0n);
  return { hop: 'kernel', config, map, in: out + sum, out, waiting: 0n };
}

/** `oversize`: records that came, and were lost before they could be counted in the account. */
function accountHop(hop: string, config: string, map: string, account: RecordAccount, oversize = 0n): Hop {
  const { in: arrived, out, waiting } = account;
  return { hop, config, map, in: BigInt(arrived) + oversize, out: BigInt(out), waiting: BigInt(waiting) };
}
