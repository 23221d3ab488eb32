import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from '../../lib/root.js';
import type { Publisher } from '../../wire/bus.js';
import type { Anchor } from '../publish/drain-clock.js';
import { CountingPublisher } from './counting-publisher.js';
import { planHost, type FleetPlan } from './host-plan.js';
import { Schedule } from './schedule.js';
import { SimulatedHost } from './simulated-host.js';
import type { TruthLine } from './truth.js';

const CONFIGS = ['sim-calls', 'sim-functions', 'sim-latency', 'sim-events'];
const CONFIG_FOLDER = new URL('collector/simulate/configs/', ROOT);

/** How often it is looked which hosts are due. */
const TICK_MS = 20;
/** Time between two tries to bring the last frames to the bus. */
const RETRY_MS = 200;
/** Hosts that begin a last poll together. */
const LAST_TOGETHER = 64;
/** When made-up time begins: 2027-01-15 08:00 UTC. */
const STEPS_BEGIN_NS = 1_800_000_000_000_000_000n;
const NS_PER_MS = 1_000_000n;

export interface SimulationOptions extends FleetPlan {
  readonly bus: Publisher;
  readonly hosts: number;
  /** Number of the first host, from 1: two processes with one seed can share a fleet. */
  readonly firstHost: number;
  /** Events a second, over all hosts. */
  readonly ratePerSecond: number;
  /** Time between two reads of a host's maps. */
  readonly pollIntervalMs: number;
  /** Time between two drains of a host's buffers. */
  readonly drainIntervalMs: number;
  /** Time between two polls at which a host says everything again. */
  readonly keyframeIntervalMs: number;
  /** See {@link SimulatedHost}. */
  readonly churn: number;
  /** Bytes of records that all hosts together may hold while the bus is away. */
  readonly maxHeldBytes: number;
  readonly metricPrefix: string;
  readonly version: string;
}

export interface SimulationSummary {
  readonly frames: number;
  readonly bytes: number;
  readonly acknowledgedFrames: number;
  /** Sends that the bus did not acknowledge. */
  readonly failures: number;
  /** Rows of maps, and records of buffers, that were acknowledged. */
  readonly rows: number;
  readonly records: number;
  /** Records that found no room while the bus was away. */
  readonly lostRecords: number;
  /** Hosts of which the bus has not acknowledged everything. */
  readonly unsettledHosts: number;
}

/** Made-up hosts, each with a collector's publisher, over one bus. */
export class Simulation {
  readonly #options: SimulationOptions;
  readonly #bus: CountingPublisher;
  readonly #hosts: SimulatedHost[] = [];
  /** Made-up time, while steps are run. */
  #stepNs: bigint | undefined;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#bus = new CountingPublisher(options.bus);
  }

  /**
   * Runs a fixed number of polls of each host, one after the other, in made-up time: what is published follows from the options
   * alone, as long as the bus takes it. Ends early, between two steps, when the signal is aborted.
   */
  async runSteps(steps: number, signal?: AbortSignal): Promise<void> {
    const { pollIntervalMs, keyframeIntervalMs, ratePerSecond, hosts } = this.#options;
    this.#stepNs = STEPS_BEGIN_NS;
    await this.#makeHosts();
    const keyframeEvery = Math.max(1, Math.round(keyframeIntervalMs / pollIntervalMs));
    const perHost = (ratePerSecond * pollIntervalMs) / 1000 / hosts;
    for (let step = 1; step <= steps && signal?.aborted !== true; step++) {
      this.#stepNs += BigInt(Math.round(pollIntervalMs)) * NS_PER_MS;
      const events = Math.floor(perHost * step) - Math.floor(perHost * (step - 1));
      for (const host of this.#hosts) {
        await host.turn({ events, poll: true, keyframe: step % keyframeEvery === 0 });
      }
    }
  }

  /** The time that the hosts live in, in ms since 1970. */
  get nowMs(): number {
    return this.#stepNs === undefined ? Date.now() : Number(this.#stepNs / NS_PER_MS);
  }

  /** Runs in real time until the signal is aborted, the hosts' polls spread over the interval. */
  async runUntil(signal: AbortSignal): Promise<void> {
    this.#stepNs = undefined;
    await this.#makeHosts();
    const schedule = new Schedule(this.#options, performance.now());
    const underWay = new Set<Promise<void>>();
    while (!signal.aborted) {
      for (const [number, host] of this.#hosts.entries()) {
        const turn = schedule.due(number, performance.now());
        if (turn === undefined) continue;
        const done = host.turn(turn).finally(() => {
          schedule.done(number);
          underWay.delete(done);
        });
        underWay.add(done);
      }
      await sleep(TICK_MS, undefined, { signal }).catch(() => undefined);
    }
    await Promise.all(underWay);
  }

  /** Brings what was counted to the bus: polls until everything is acknowledged, or `timeoutMs` have passed. */
  async settle(timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs;
    for (let isFirst = true; ; isFirst = false) {
      const left = isFirst ? this.#hosts : this.#hosts.filter(({ isAcknowledged }) => !isAcknowledged);
      for (let from = 0; from < left.length; from += LAST_TOGETHER) {
        const some = left.slice(from, from + LAST_TOGETHER);
        await Promise.all(some.map((host) => host.lastPoll()));
      }
      if (this.#hosts.every(({ isAcknowledged }) => isAcknowledged) || performance.now() > end) return;
      await sleep(RETRY_MS);
    }
  }

  summary(): SimulationSummary {
    const { frames, bytes, acknowledgedFrames, failures } = this.#bus;
    const sum = (of: (host: SimulatedHost) => number): number =>
      this.#hosts.reduce((total, host) => total + of(host), 0);
    return {
      frames,
      bytes,
      acknowledgedFrames,
      failures,
      rows: sum(({ rows }) => rows),
      records: sum(({ records }) => records.acknowledged),
      lostRecords: sum(({ records }) => records.lost),
      unsettledHosts: this.#hosts.filter(({ isAcknowledged }) => !isAcknowledged).length,
    };
  }

  /**
   * Every sample that an aggregator must show of these hosts, once it has applied all that the bus has acknowledged. Not to be
   * relied on for hosts that are unsettled.
   */
  *truth(): Generator<TruthLine> {
    for (const host of this.#hosts) yield* host.truth(this.#options.metricPrefix);
  }

  async #makeHosts(): Promise<void> {
    const { hosts, firstHost, churn, maxHeldBytes, version, seed } = this.#options;
    const yaml = await readConfigs();
    for (let number = firstHost; number < firstHost + hosts; number++) {
      const plan = planHost(this.#options, number);
      this.#hosts.push(
        new SimulatedHost({
          plan,
          bus: this.#bus,
          clock: () => this.#anchor(number),
          yaml,
          session: (incarnation) =>
            this.#stepNs === undefined ? undefined : sessionOf(`${seed}:${number}:${incarnation}`),
          maxHeldBytes: Math.max(64 * 1024, Math.floor(maxHeldBytes / hosts)),
          churn,
          version,
        }),
      );
    }
  }

  /** Each host was started at another time. */
  #anchor(number: number): Anchor {
    const realtimeNs = this.#stepNs ?? BigInt(Date.now()) * NS_PER_MS;
    const monotonicNs = realtimeNs - STEPS_BEGIN_NS / 2n - BigInt(number) * 3_600_000n * NS_PER_MS;
    return { monotonicNs, boottimeNs: monotonicNs + 1000n * NS_PER_MS, realtimeNs, uncertaintyNs: 1000n };
  }
}

async function readConfigs(): Promise<ReadonlyMap<string, Uint8Array>> {
  const texts = await Promise.all(CONFIGS.map((name) => readFile(new URL(`${name}.yaml`, CONFIG_FOLDER))));
  return new Map(CONFIGS.map((name, i) => [name, texts[i]!]));
}

function sessionOf(text: string): Uint8Array {
  return createHash('sha256').update(`sonde-simulate-session:${text}`).digest().subarray(0, 16);
}
