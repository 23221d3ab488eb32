import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { native } from '../native/index.js';

/** The first scrape, for which nobody should have to wait longer than needed, is over by then. */
const SETTLE_AFTER_MS = 2000;

/**
 * To be called once a service has started: what loading has left behind, in V8's heap and in glibc's, goes back to the system a little
 * later. A process that is idle from then on would keep it for minutes, or for ever. Takes some 30 ms.
 */
export function settleMemorySoon(): void {
  setTimeout(settleMemory, SETTLE_AFTER_MS).unref();
}

function settleMemory(): void {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  collectGarbage();
  native.trimMemory();
}
