/** Limits as the model takes them. */
export interface ModelLimits {
  readonly cap: number;
  readonly ttlMs?: number;
  readonly top?: number;
  /** Labels that stay. */
  readonly labels: readonly ('a' | 'b')[];
}

interface ModelSeries {
  readonly cells: bigint[];
  rows: number;
  sinceMs: number;
  /** Was there after the frame before this one. */
  settled: boolean;
}

/** One metric under limits, the naive way: plain Maps and bigint, everything worked out anew. */
export class LimitedModel {
  readonly #limits: ModelLimits;
  readonly #width: number;
  readonly #other: string;
  readonly series = new Map<string, ModelSeries>();
  /** What counts in which series, by row. */
  readonly #rows = new Map<string, string>();
  #shown = new Map<string, readonly bigint[]>();
  #lookedMs: number;
  #rankedMs = -Infinity;
  overflowed = 0;

  /** @param width cells of a series; the last of several is a sum. */
  constructor(limits: ModelLimits, width: number, beganMs: number) {
    this.#limits = limits;
    this.#width = width;
    this.#lookedMs = beganMs;
    this.#other = limits.labels.map((name) => `${name}="other"`).join(',');
  }

  /** Rows that count by a name of their own. */
  liveTexts(): Set<string> {
    return new Set([...this.#rows.values()].filter((text) => text !== this.#other));
  }

  textOf(a: number, b: number): string {
    const values = { a, b };
    return this.#limits.labels.map((name) => `${name}="${values[name]}"`).join(',');
  }

  /** A record. */
  count(text: string, nowMs: number): void {
    const target = this.#isFull() && !this.series.has(text) ? this.#other : text;
    if (target !== text) this.overflowed++;
    const series = this.#of(target, nowMs);
    series.cells[0]!++;
    series.sinceMs = nowMs;
  }

  add(row: string, text: string, cell: number, difference: bigint, nowMs: number): void {
    let target = this.#rows.get(row);
    if (target === undefined) {
      target = this.#isFull() && !this.series.has(text) ? this.#other : text;
      if (target !== text) this.overflowed++;
      this.#rows.set(row, target);
      this.#of(target, nowMs).rows++;
    }
    this.series.get(target)!.cells[cell]! += difference;
  }

  vanish(row: string, nowMs: number): void {
    const text = this.#rows.get(row);
    if (text === undefined) return;
    this.#rows.delete(row);
    const series = this.series.get(text)!;
    series.rows--;
    series.sinceMs = nowMs;
  }

  vanishAll(nowMs: number): void {
    for (const row of [...this.#rows.keys()]) this.vanish(row, nowMs);
  }

  /** A frame has been applied. */
  settle(nowMs: number): void {
    this.#expire(nowMs);
    const { top } = this.#limits;
    const candidates = [...this.series].filter(([text]) => text !== this.#other);
    if (top !== undefined) {
      for (const [text, { settled }] of candidates) {
        if (!settled && this.#shown.size < top) this.#shown.set(text, this.#zero());
      }
      if (this.#shown.size < candidates.length && nowMs >= this.#rankedMs + 60_000) this.#rank(candidates, top, nowMs);
    }
    for (const series of this.series.values()) series.settled = true;
  }

  /** What is to be seen. */
  view(): Map<string, bigint[]> {
    if (this.#limits.top === undefined) return new Map([...this.series].map(([text, { cells }]) => [text, [...cells]]));
    const view = new Map<string, bigint[]>();
    const rest = this.#zero();
    for (const { cells } of this.series.values()) cells.forEach((value, i) => (rest[i]! += value));
    for (const [text, offsets] of this.#shown) {
      const cells = this.series.get(text)!.cells.map((value, i) => value - offsets[i]!);
      cells.forEach((value, i) => (rest[i]! -= value));
      view.set(text, cells);
    }
    if (this.series.size !== this.#shown.size || rest.some((value) => value !== 0n)) view.set(this.#other, rest);
    return view;
  }

  #isFull(): boolean {
    return this.series.size - Number(this.series.has(this.#other)) >= this.#limits.cap;
  }

  #of(text: string, nowMs: number): ModelSeries {
    let series = this.series.get(text);
    if (series === undefined)
      this.series.set(text, (series = { cells: this.#zero(), rows: 0, sinceMs: nowMs, settled: false }));
    return series;
  }

  #expire(nowMs: number): void {
    const { ttlMs } = this.#limits;
    if (ttlMs === undefined || nowMs < this.#lookedMs + Math.max(1000, ttlMs / 4)) return;
    this.#lookedMs = nowMs;
    for (const [text, { cells, rows, sinceMs }] of [...this.series]) {
      if (rows > 0 || sinceMs > nowMs - ttlMs || text === this.#other) continue;
      this.series.delete(text);
      this.#shown.delete(text);
      const other = this.#of(this.#other, nowMs);
      cells.forEach((value, i) => (other.cells[i]! += value));
    }
  }

  #rank(candidates: [string, ModelSeries][], top: number, nowMs: number): void {
    const size = (cells: bigint[]): bigint =>
      (this.#width === 1 ? cells : cells.slice(0, -1)).reduce((a, b) => a + b, 0n);
    const order = candidates.map(([text, { cells, settled }], age) => ({
      text,
      size: size(cells),
      age,
      offsets: this.#shown.get(text) ?? (settled ? [...cells] : this.#zero()),
      wasShown: this.#shown.has(text),
    }));
    order.sort((x, y) => {
      if (x.size !== y.size) return x.size > y.size ? -1 : 1;
      return Number(y.wasShown) - Number(x.wasShown) || x.age - y.age;
    });
    this.#shown = new Map(order.slice(0, top).map(({ text, offsets }) => [text, offsets]));
    this.#rankedMs = nowMs;
  }

  #zero(): bigint[] {
    return Array.from({ length: this.#width }, () => 0n);
  }
}
