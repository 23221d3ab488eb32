import { growF64, growU32 } from '../../../lib/grow.js';
import type { Cells } from '../../series/cells.js';

/** What of each series of a table was written last, and when: so that one that has not changed need not be written again. */
export class Thinning {
  #words = new Uint32Array(0);
  #writtenMs = new Float64Array(0);

  /** Whether the series is to be written: it has changed, or was written `heartbeatMs` ago. Takes it as written then. */
  isDue(series: number, { words }: Cells, stride: number, nowMs: number, heartbeatMs: number): boolean {
    if (series >= this.#writtenMs.length) this.#grow(series + 1, stride);
    const [from, to] = [series * stride * 2, (series + 1) * stride * 2];
    let isDue = nowMs - this.#writtenMs[series]! >= heartbeatMs;
    for (let i = from; i < to && !isDue; i++) isDue = words[i] !== this.#words[i];
    if (!isDue) return false;
    for (let i = from; i < to; i++) this.#words[i] = words[i]!;
    this.#writtenMs[series] = nowMs;
    return true;
  }

  #grow(size: number, stride: number): void {
    const from = this.#writtenMs.length;
    const length = size * 2;
    this.#words = growU32(this.#words, length * stride * 2);
    this.#writtenMs = growF64(this.#writtenMs, length);
    this.#writtenMs.fill(-Infinity, from);
  }
}
