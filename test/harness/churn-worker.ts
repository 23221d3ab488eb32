/** Keeps the maps of `churn.bpf.c` changing: `bursts` is how many there have been, and the end when it is negative. */
import { workerData } from 'node:worker_threads';
import { signalNobody } from './bpf-fixture.js';

export interface ChurnWorkerData {
  readonly bursts: Int32Array<SharedArrayBuffer>;
  readonly stop: Int32Array<SharedArrayBuffer>;
  /** Bursts at once, and the pause between. */
  readonly atOnce: number;
  readonly pauseMs: number;
}

/** `churn.bpf.c` has it so. */
const COMMAND = 0x2000_0000;

const { bursts, stop, atOnce, pauseMs } = workerData as ChurnWorkerData;
while (Atomics.load(stop, 0) === 0) {
  for (let i = 0; i < atOnce; i++) {
    const burst = Atomics.load(bursts, 0);
    signalNobody(COMMAND + burst, 0);
    Atomics.store(bursts, 0, burst + 1);
  }
  Atomics.wait(stop, 0, 0, pauseMs);
}
