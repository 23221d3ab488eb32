/** Two clocks, in milliseconds: one that counts suspended time and may be set, one that does neither. */
export interface Clocks {
  wallMs(): number;
  monotonicMs(): number;
}

export const SYSTEM_CLOCKS: Clocks = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };

/**
 * For how long a group surely counts this process as a member: the session timeout from when the last request that
 * succeeded was *sent*. An answer says nothing about now: a process that was stopped finds old ones when it wakes.
 */
export class Lease {
  readonly #durationMs: number;
  readonly #clocks: Clocks;
  #sent: { readonly wallMs: number; readonly monotonicMs: number } | undefined;
  #inDoubt = true;

  constructor(durationMs: number, clocks: Clocks) {
    this.#durationMs = durationMs;
    this.#clocks = clocks;
  }

  /** An answer has come to a request made at `createdWallMs`; whether it is a good one, {@link confirm} says. */
  answered(createdWallMs: number): void {
    const tookMs = this.#clocks.wallMs() - createdWallMs;
    this.#inDoubt = true;
    // Negative: the clock was set back meanwhile, so how old the request is cannot be known.
    this.#sent = tookMs < 0 ? undefined : { wallMs: createdWallMs, monotonicMs: this.#clocks.monotonicMs() - tookMs };
  }

  /** The last answer was a good one. */
  confirm(): void {
    this.#inDoubt = false;
  }

  /** Membership is over, or about to be decided anew. */
  drop(): void {
    this.#inDoubt = true;
    this.#sent = undefined;
  }

  /** Milliseconds since the last good answer's request, Infinity when there is none. */
  ageMs(): number {
    if (this.#inDoubt || this.#sent === undefined) return Infinity;
    const wallMs = this.#clocks.wallMs() - this.#sent.wallMs;
    // The larger: a suspended machine stops the monotonic clock, and NTP may set the other one back.
    return Math.max(wallMs, this.#clocks.monotonicMs() - this.#sent.monotonicMs);
  }

  get isHeld(): boolean {
    return this.ageMs() < this.#durationMs;
  }
}
