/** Why records did not get to the bus. */
export const LOSS_REASONS = [
  /** The bus was away or slow, and the memory for what waits was full. */
  'backlog',
  /** The spool was full: the oldest segment went. */
  'spool_full',
  /** The spool's disk did not take them: full, read-only, failing. */
  'spool_io',
  /** They could not be read back from the spool. */
  'spool_damaged',
  /** The bus refuses their frame for good. */
  'publish',
  /** A reload replaced their probe, and its successor has what happened meanwhile, too. */
  'superseded',
] as const;
export type LossReason = (typeof LOSS_REASONS)[number];

/** What became of the records of one source: in = out + all that was lost + waiting, at every moment. */
export class RecordAccount {
  in = 0;
  /** Acknowledged by the bus. */
  out = 0;
  /** In memory and in the spool. */
  waiting = 0;
  readonly lost: ReadonlyMap<LossReason, number>;
  readonly #lost: Map<LossReason, number>;

  constructor() {
    this.#lost = new Map(LOSS_REASONS.map((reason) => [reason, 0]));
    this.lost = this.#lost;
  }

  arrive(count: number): void {
    this.in += count;
    this.waiting += count;
  }

  deliver(count: number): void {
    this.waiting -= count;
    this.out += count;
  }

  lose(count: number, reason: LossReason): void {
    this.waiting -= count;
    this.#lost.set(reason, (this.#lost.get(reason) ?? 0) + count);
  }
}
