import type { Host } from '../host.js';

/** Where series are written to, poll by poll. */
export interface Output {
  /**
   * A poll of this host has been applied: its series have the values of this time. Nothing is applied to the host's partition
   * until it resolves. Never rejects, and never waits for what it writes to.
   */
  polled(host: Host): Promise<void>;
  /**
   * Resolves with true when all that it was given before is written, or kept where it survives this process, or counted as lost;
   * with false after `timeoutMs`.
   */
  settled(timeoutMs: number): Promise<boolean>;
}
