import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { native } from '../native/index.js';

/**
 * To be called once a service has started: what loading has left behind, in V8's heap and in glibc's, goes back to the system. A process
 * that is idle from then on would keep it for minutes, or for ever. Takes some 30 ms.
 */
export function settleMemory(): void {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  collectGarbage();
  native.trimMemory();
}
