import type { BpfMap, MapReader } from '../native/types.js';

/** Reasons by index: `enum sonde_loss` of `bpf/include/loss.bpf.h`. */
const REASONS = ['map_full', 'ring_full', 'map_busy'] as const;
export const LOSS_MAP = 'sonde_losses';

export interface CountedLoss {
  readonly reason: string;
  readonly count: bigint;
}

/** Reads what a probe's own programs count as lost: the map `sonde_losses`, a per-CPU array of u64. */
export class LossReader {
  readonly #reader: MapReader;

  constructor(map: BpfMap) {
    this.#reader = map.openReader();
  }

  /** Counts by reason since load, 0 included. */
  async read(): Promise<CountedLoss[]> {
    const losses: CountedLoss[] = [];
    for (let rows = await this.#reader.next(); rows > 0; rows = await this.#reader.next()) {
      const { keys, values } = this.#reader;
      const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
      const indexes = new DataView(keys.buffer, keys.byteOffset, keys.byteLength);
      for (let row = 0; row < rows; row++) {
        const index = indexes.getUint32(row * 4, true);
        losses.push({ reason: REASONS[index] ?? `reason_${index}`, count: view.getBigUint64(row * 8, true) });
      }
    }
    return losses;
  }

  close(): void {
    this.#reader.close();
  }
}
