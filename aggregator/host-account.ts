import type { Health } from '../wire/frame.js';

/** Kinds of losses, and of hops, that are remembered of sessions that are over; beyond, they go together. */
const MAX_KINDS = 4096;
const OTHER = { hop: 'other', config: 'other', map: 'other' } as const;

export interface HostLoss {
  readonly hop: string;
  readonly reason: string;
  readonly config: string;
  readonly map: string;
  readonly count: bigint;
}

/** What came to a place on the way of the records, what left it and what is there, in records. */
export interface HostHop {
  readonly hop: string;
  readonly config: string;
  readonly map: string;
  readonly in: bigint;
  readonly out: bigint;
  readonly waiting: bigint;
}

/** Where a collector finds what an earlier one has left behind. */
const SPOOL = { hop: 'spool', config: '', map: '' } as const;

/** What is remembered of the sessions that are over. */
export interface PastAccount {
  /** Records that waited when the last of them ended. */
  readonly left: bigint;
  readonly losses: readonly HostLoss[];
  readonly hops: readonly HostHop[];
}

/** What a host says of the way of its records. Its collector counts from 0 in each session; here it goes on from where it was. */
export class HostAccount {
  /** Of the session that runs. */
  health: Health | undefined;
  readonly #losses = new Map<string, HostLoss>();
  readonly #hops = new Map<string, HostHop>();
  #left = 0n;

  /** A session is over. */
  fold(): void {
    const { health } = this;
    if (health === undefined) return;
    this.#addGone(health, this.#losses, this.#hops);
    this.#left = health.hops.reduce((sum, { waiting }) => sum + waiting, 0n);
    for (const loss of health.losses) {
      if (loss.count > 0n)
        addLoss(this.#losses, this.#losses.size < MAX_KINDS ? loss : { ...OTHER, reason: 'other', count: loss.count });
    }
    for (const hop of health.hops) {
      // What waited comes in again where the next session finds it, in the spool, or it is gone.
      const past = { ...hop, in: hop.in - hop.waiting, waiting: 0n };
      addHop(this.#hops, this.#hops.size < MAX_KINDS ? past : { ...past, ...OTHER });
    }
    this.health = undefined;
  }

  /** Everything lost on the host, over all sessions. */
  losses(): HostLoss[] {
    const sum = new Map(this.#losses);
    for (const loss of this.health?.losses ?? []) addLoss(sum, loss);
    if (this.health !== undefined) this.#addGone(this.health, sum, new Map());
    return [...sum.values()];
  }

  /** The way of the records through the host, over all sessions. */
  hops(): HostHop[] {
    const sum = new Map(this.#hops);
    for (const hop of this.health?.hops ?? []) addHop(sum, hop);
    if (this.health !== undefined) this.#addGone(this.health, new Map(), sum);
    return [...sum.values()];
  }

  save(): PastAccount {
    return { left: this.#left, losses: [...this.#losses.values()], hops: [...this.#hops.values()] };
  }

  restore({ left, losses, hops }: PastAccount): void {
    this.#left = left;
    for (const loss of losses) addLoss(this.#losses, loss);
    for (const hop of hops) addHop(this.#hops, hop);
  }

  /** Of what the session before had left behind, what this one has not found: it was in the memory of one that was killed. */
  #addGone({ hops }: Health, losses: Map<string, HostLoss>, sums: Map<string, HostHop>): void {
    const found = hops.reduce((sum, { hop, in: into }) => (hop === SPOOL.hop ? sum + into : sum), 0n);
    const gone = this.#left - found;
    if (gone <= 0n) return;
    addLoss(losses, { ...SPOOL, reason: 'restart', count: gone });
    addHop(sums, { ...SPOOL, in: gone, out: 0n, waiting: 0n });
  }
}

function addLoss(sum: Map<string, HostLoss>, { hop, reason, config, map, count }: HostLoss): void {
  const key = JSON.stringify([hop, reason, config, map]);
  sum.set(key, { hop, reason, config, map, count: count + (sum.get(key)?.count ?? 0n) });
}

function addHop(sum: Map<string, HostHop>, { hop, config, map, in: into, out, waiting }: HostHop): void {
  const key = JSON.stringify([hop, config, map]);
  const before = sum.get(key);
  sum.set(key, {
    hop,
    config,
    map,
    in: into + (before?.in ?? 0n),
    out: out + (before?.out ?? 0n),
    waiting: waiting + (before?.waiting ?? 0n),
  });
}
