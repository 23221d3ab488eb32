import type { Health } from '../wire/frame.js';

/** Kinds of losses that are remembered of sessions that are over; beyond, they go together. */
const MAX_KINDS = 4096;
const OTHER = { hop: 'other', reason: 'other', config: 'other', map: 'other' } as const;

export interface HostLoss {
  readonly hop: string;
  readonly reason: string;
  readonly config: string;
  readonly map: string;
  readonly count: bigint;
}

/** What a host says of its own losses. Its collector counts from 0 in each session; here they go on from where they were. */
export class HostAccount {
  /** Of the session that runs. */
  health: Health | undefined;
  readonly #past = new Map<string, HostLoss>();

  /** A session is over. */
  fold(): void {
    for (const loss of this.health?.losses ?? []) {
      if (loss.count > 0n) add(this.#past, this.#past.size < MAX_KINDS ? loss : { ...OTHER, count: loss.count });
    }
    this.health = undefined;
  }

  /** Everything lost on the host, over all sessions. */
  losses(): HostLoss[] {
    const sum = new Map(this.#past);
    for (const loss of this.health?.losses ?? []) add(sum, loss);
    return [...sum.values()];
  }

  /** Losses of the sessions that are over. */
  save(): readonly HostLoss[] {
    return [...this.#past.values()];
  }

  restore(past: readonly HostLoss[]): void {
    for (const loss of past) add(this.#past, loss);
  }
}

function add(sum: Map<string, HostLoss>, { hop, reason, config, map, count }: HostLoss): void {
  const key = JSON.stringify([hop, reason, config, map]);
  sum.set(key, { hop, reason, config, map, count: count + (sum.get(key)?.count ?? 0n) });
}
