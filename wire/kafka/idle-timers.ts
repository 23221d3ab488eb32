/** The part of kafkajs's RequestQueue (src/network/requestQueue/index.js, 2.2.4) that this touches. */
export interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly inflight: ReadonlyMap<number, SocketRequest>;
  readonly enforceRequestTimeout: boolean;
  readonly requestTimeout: number;
  requestTimeoutIntervalId: NodeJS.Timeout | undefined;
  scheduleCheckPendingRequests(): void;
  scheduleRequestTimeoutCheck(): void;
  sendSocketRequest(request: SocketRequest): void;
  isConnected(): boolean;
  destroy(): void;
}

interface SocketRequest {
  readonly sentAt: number;
  readonly requestTimeout: number;
  timeoutRequest(): void;
}

const METHODS = [
  'scheduleCheckPendingRequests',
  'scheduleRequestTimeoutCheck',
  'sendSocketRequest',
  'destroy',
] as const;
const TIMEOUT_CHECK_MS = 100;

/**
 * Stops the two timers that each idle connection of kafkajs keeps firing: one re-arms itself for ever although nothing
 * waits (5 % of a core), the other looks ten times a second for requests that timed out although none is under way.
 * @returns false when the class is not the one this was written for.
 */
export function stopIdleTimers(queue: RequestQueue): boolean {
  if (METHODS.some((method) => typeof queue[method] !== 'function')) return false;
  // Taken off their object to be called with it again.
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const { scheduleCheckPendingRequests, sendSocketRequest, destroy } = queue;
  queue.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
  };
  // Called on connecting, when nothing is under way yet.
  queue.scheduleRequestTimeoutCheck = () => undefined;
  queue.sendSocketRequest = function (request) {
    sendSocketRequest.call(this, request);
    watchTimeouts(this);
  };
  queue.destroy = function () {
    destroy.call(this);
    this.requestTimeoutIntervalId = undefined;
  };
  return true;
}

/** Looks for requests that timed out for as long as any is under way. */
function watchTimeouts(queue: RequestQueue): void {
  if (!queue.enforceRequestTimeout || queue.requestTimeoutIntervalId !== undefined) return;
  queue.requestTimeoutIntervalId = setInterval(
    () => {
      const nowMs = Date.now();
      for (const request of queue.inflight.values()) {
        if (nowMs - request.sentAt > request.requestTimeout) request.timeoutRequest();
      }
      if (queue.inflight.size > 0 && queue.isConnected()) return;
      clearInterval(queue.requestTimeoutIntervalId);
      queue.requestTimeoutIntervalId = undefined;
    },
    Math.min(queue.requestTimeout, TIMEOUT_CHECK_MS),
  );
}
