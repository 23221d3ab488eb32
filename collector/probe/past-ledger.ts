import type { RecordAccount } from '../publish/record-account.js';
import { probeLedger, type Ledger, type ProbeLedgerOptions } from './probe-ledger.js';

/** Kinds of losses, and of hops, that are remembered of probes that are gone; beyond, they go together. */
const MAX_KINDS = 4096;
const OTHER = { config: 'other', map: 'other' } as const;

type Loss = Ledger['losses'][number];
type Hop = Ledger['hops'][number];

/** A probe that has been closed, as it was then. */
export interface PastProbe extends ProbeLedgerOptions {
  readonly configId: number;
  readonly epoch: number;
  readonly readers: readonly PastReader[];
}

type PastReader = ProbeLedgerOptions['readers'][number] & { readonly mapId: number };

/** What probes lost, and the way of their records, that have been closed in this session: what Health says never falls. */
export class PastLedger {
  readonly #losses = new Map<string, Loss>();
  readonly #hops = new Map<string, Hop>();
  /** Those with records that are still on their way. */
  #open: PastProbe[] = [];

  add(probe: PastProbe): void {
    this.#open.push(probe);
  }

  read(): Ledger {
    this.#fold();
    const open = this.#open.map(probeLedger);
    return {
      losses: [...this.#losses.values(), ...open.flatMap(({ losses }) => losses)],
      hops: [...this.#hops.values(), ...open.flatMap(({ hops }) => hops)],
      // Nothing is left that could fill up.
      buffers: [],
    };
  }

  /** Counts the records of a buffer that is gone, as long as any are on their way. */
  accountOf(configId: number, epoch: number, mapId: number): RecordAccount | undefined {
    const probe = this.#open.find((past) => past.configId === configId && past.epoch === epoch);
    return probe?.readers.find((reader) => reader.mapId === mapId)?.account;
  }

  #fold(): void {
    const isOver = ({ readers }: PastProbe): boolean => readers.every(({ account }) => account.waiting === 0);
    for (const { losses, hops } of this.#open.filter(isOver).map(probeLedger)) {
      for (const loss of losses) addLoss(this.#losses, loss);
      for (const hop of hops) addHop(this.#hops, hop);
    }
    this.#open = this.#open.filter((probe) => !isOver(probe));
  }
}

function addLoss(sum: Map<string, Loss>, given: Loss): void {
  const keyOf = ({ hop, reason, config, map }: Loss): string => JSON.stringify([hop, reason, config, map]);
  const loss = sum.size < MAX_KINDS || sum.has(keyOf(given)) ? given : { ...given, ...OTHER };
  const key = keyOf(loss);
  sum.set(key, { ...loss, count: (loss.count ?? 0n) + (sum.get(key)?.count ?? 0n) });
}

function addHop(sum: Map<string, Hop>, given: Hop): void {
  const keyOf = ({ hop, config, map }: Hop): string => JSON.stringify([hop, config, map]);
  const hop = sum.size < MAX_KINDS || sum.has(keyOf(given)) ? given : { ...given, ...OTHER };
  const key = keyOf(hop);
  const before = sum.get(key);
  sum.set(key, { ...hop, in: (hop.in ?? 0n) + (before?.in ?? 0n), out: (hop.out ?? 0n) + (before?.out ?? 0n) });
}
