import type { Turn } from './simulated-host.js';

export interface ScheduleOptions {
  readonly hosts: number;
  /** Events a second, over all hosts. */
  readonly ratePerSecond: number;
  readonly pollIntervalMs: number;
  readonly drainIntervalMs: number;
  readonly keyframeIntervalMs: number;
}

interface HostTimes {
  /** When it drains its buffers, reads its maps and says everything again next. */
  drainMs: number;
  pollMs: number;
  keyframeMs: number;
  /** Until when its events have been counted, and the part of one that is left. */
  lastMs: number;
  rest: number;
  busy: boolean;
}

/** When which host drains its buffers and reads its maps. */
export class Schedule {
  readonly #options: ScheduleOptions;
  readonly #hosts: HostTimes[];

  constructor(options: ScheduleOptions, nowMs: number) {
    const { hosts, pollIntervalMs, keyframeIntervalMs } = options;
    this.#options = options;
    this.#hosts = Array.from({ length: hosts }, (_, i) => {
      const firstMs = nowMs + (i / hosts) * pollIntervalMs;
      return {
        drainMs: firstMs,
        pollMs: firstMs,
        keyframeMs: firstMs + keyframeIntervalMs,
        lastMs: nowMs,
        rest: 0,
        busy: false,
      };
    });
  }

  /** What a host is to do now; undefined: nothing, or it has not done with the last. */
  due(number: number, nowMs: number): Turn | undefined {
    const host = this.#hosts[number]!;
    if (host.busy || (nowMs < host.drainMs && nowMs < host.pollMs)) return undefined;
    const { drainIntervalMs, pollIntervalMs, keyframeIntervalMs, ratePerSecond, hosts } = this.#options;
    const exact = ((nowMs - host.lastMs) / 1000) * (ratePerSecond / hosts) + host.rest;
    const events = Math.floor(exact);
    host.rest = exact - events;
    host.lastMs = nowMs;
    host.busy = true;
    const poll = nowMs >= host.pollMs;
    const keyframe = poll && nowMs >= host.keyframeMs;
    host.drainMs = nextAfter(host.drainMs, drainIntervalMs, nowMs);
    if (poll) host.pollMs = nextAfter(host.pollMs, pollIntervalMs, nowMs);
    if (keyframe) host.keyframeMs = nextAfter(host.keyframeMs, keyframeIntervalMs, nowMs);
    return { events, poll, keyframe };
  }

  done(number: number): void {
    this.#hosts[number]!.busy = false;
  }
}

/** The first of the times `last + n * interval` that is still to come: what was missed is not made up for. */
function nextAfter(lastMs: number, intervalMs: number, nowMs: number): number {
  return lastMs + Math.max(1, Math.ceil((nowMs - lastMs) / intervalMs)) * intervalMs;
}
