/** Keeps the maps of `churn.bpf.c` changing: `bursts` is how many there have been, and the end when `stop` is not 0. */
import { workerData } from 'node:worker_threads';
import { signalNobody } from './bpf-fixture.js';

export interface ChurnWorkerData {
  readonly bursts: Int32Array<SharedArrayBuffer>;
  readonly stop: Int32Array<SharedArrayBuffer>;
  readonly burstsASecond: number;
}

/** `churn.bpf.c` has it so. */
const COMMAND = 0x2000_0000;
const PAUSE_MS = 5;

const { bursts, stop, burstsASecond } = workerData as ChurnWorkerData;
const startMs = performance.now();
let burst = 0;
while (Atomics.load(stop, 0) === 0) {
  // By the clock: a pause that was too long, as on a busy machine, is made up for.
  const due = ((performance.now() - startMs) * burstsASecond) / 1000;
  while (burst < due && Atomics.load(stop, 0) === 0) {
    signalNobody(COMMAND + burst, 0);
    Atomics.store(bursts, 0, ++burst);
  }
  Atomics.wait(stop, 0, 0, PAUSE_MS);
}
