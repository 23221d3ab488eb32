/** The part of kafkajs's Runner (src/consumer/runner.js, 2.2.4) that this touches. */
export interface Runner {
  readonly running: boolean;
  fetch(nodeId: number): Promise<unknown[]>;
}

/**
 * Lets a fetch reject once its consumer has stopped. kafkajs resolves it at once with nothing; when the brokers change in the same
 * moment, it begins new loops of fetches that nobody stops any more, and they leave the event loop no turn: the process hangs at 100 %
 * of a core, deaf to signals. An error ends the loop; kafkajs's retry of it then sees that the consumer has stopped, and ends, too.
 * @param retriable makes an error that kafkajs tries again.
 * @returns false when the class is not the one this was written for.
 */
export function endStoppedFetches(runner: Runner, retriable: (message: string) => Error): boolean {
  if (typeof runner.fetch !== 'function') return false;
  // Taken off its object to be called with it again.
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const { fetch } = runner;
  runner.fetch = function (nodeId) {
    return this.running ? fetch.call(this, nodeId) : Promise.reject(retriable('the consumer has stopped'));
  };
  return true;
}
