import type { RecordCounts } from '../record-account.js';
import type { DecodeContext } from '../decode/decoder.js';
import { COUNTED, FAILED, type EventState } from './event-state.js';
import type { RecordColumns } from './record-columns.js';

/** One ring or perf buffer of one load of a config: the metrics that its records feed, and the account of the records. */
export class BufferState {
  readonly states: readonly EventState[];
  readonly #counts: RecordCounts;
  /** Of a record before any metric has seen it. */
  readonly #outcome: number;
  /** What became of each record of the frame. */
  #outcomes = new Uint8Array(1024);

  /** @param isUnderstood false when the config cannot be served: all its records fail. */
  constructor(states: readonly EventState[], counts: RecordCounts, isUnderstood = true) {
    this.states = states;
    this.#counts = counts;
    this.#outcome = isUnderstood ? 0 : FAILED;
  }

  apply(records: RecordColumns, context: DecodeContext): void {
    const { length } = records.lengths;
    if (length > this.#outcomes.length) this.#outcomes = new Uint8Array(length);
    const outcomes = this.#outcomes.fill(this.#outcome, 0, length);
    for (const state of this.states) state.apply(records, context, outcomes);
    let failed = 0;
    let decoded = 0;
    for (let i = 0; i < length; i++) {
      const outcome = outcomes[i]!;
      if ((outcome & FAILED) !== 0) failed++;
      else if ((outcome & COUNTED) !== 0) decoded++;
    }
    this.#counts.consumed += length;
    this.#counts.decoded += decoded;
    this.#counts.failed += failed;
    this.#counts.skipped += length - decoded - failed;
  }
}
