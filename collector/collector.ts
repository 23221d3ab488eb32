import { readFile } from 'node:fs/promises';
import type { Logger } from '../lib/log.js';
import type { Native } from '../native/types.js';
import type { Publisher } from '../wire/bus.js';
import type { ProbeConfig } from '../wire/config/schema.js';
import type { Refresh } from '../wire/refresh.js';
import { hostFacts, type GivenHostFacts, type HostIdentity } from './facts/host.js';
import { HostLookups } from './facts/host-lookups.js';
import { Kallsyms } from './facts/kallsyms.js';
import type { CollectorMetrics } from './metrics.js';
import { loadProbe } from './probe/load-probe.js';
import type { Probe } from './probe/probe.js';
import { RunningProbe, type ProbeHost } from './probe/running-probe.js';
import { DrainClock, type Drained } from './publish/drain-clock.js';
import { FramePublisher, type FrameBody } from './publish/frame-publisher.js';
import { SingleFlight } from './single-flight.js';

export interface CollectorOptions {
  readonly native: Native;
  readonly bus: Publisher;
  readonly identity: HostIdentity;
  /** What a person says about this host. */
  readonly host?: GivenHostFacts;
  readonly configs: readonly ProbeConfig[];
  readonly version: string;
  /** Time between two reads that nobody asked for. */
  readonly pollIntervalMs: number;
  readonly metrics: CollectorMetrics;
  readonly log: Logger;
}

/** Loads probes, reads their maps, and publishes frames. */
export class Collector implements Refresh {
  readonly #options: CollectorOptions;
  readonly #publisher: FramePublisher;
  /** Of the reads of maps; each buffer has its own. */
  readonly #clock: DrainClock;
  #drained: Drained;
  readonly #kallsyms = new Kallsyms();
  readonly #lookups = new HostLookups(this.#kallsyms);
  #running: RunningProbe[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #demand = new SingleFlight(() => this.#poll('scrape'));
  /** Reads that fall due while one is under way become one: they do not queue. */
  readonly #interval = new SingleFlight(() => this.#poll('interval'));
  /** Polls follow each other: a map has one reader. */
  #turn: Promise<void> = Promise.resolve();
  #revision = 0n;
  #isFirstPoll = true;
  #closed = false;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#publisher = new FramePublisher({
      bus: options.bus,
      ...options.identity,
    });
    this.#clock = new DrainClock(() => options.native.clockAnchor());
    this.#drained = this.#clock.mark();
  }

  get probes(): readonly Probe[] {
    return this.#running.map(({ probe }) => probe);
  }

  /**
   * Loads and attaches all probes, publishes the Manifest and a first read, and begins to read at intervals.
   * Throws for what is the user's to mend (see {@link loadProbe}), with everything that was loaded before closed again.
   */
  async start(): Promise<void> {
    const { native, configs, pollIntervalMs } = this.#options;
    try {
      for (const [id, config] of configs.entries()) {
        const probe = await loadProbe(config, { native, kaddr: (symbol) => this.#kallsyms.address(symbol) });
        this.#running.push(new RunningProbe(probe, id, 1, this.#host()));
      }
      await this.#publishManifest();
      for (const { readers } of this.#running) for (const reader of readers) reader.start();
    } catch (error) {
      this.#closeProbes();
      throw error;
    }
    await this.#poll('interval');
    this.#timer = setInterval(() => void this.#interval.run(), pollIntervalMs);
    this.#timer.unref();
  }

  /** See {@link Refresh}. */
  refresh(): Promise<void> {
    return this.#demand.run();
  }

  /** Publishes a last read, then detaches everything. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#interval.idle();
    await this.#demand.idle();
    await this.#turn;
    for (const { readers } of this.#running) for (const reader of readers) await reader.flush();
    if (this.#running.length > 0) await this.#pollAll('interval');
    this.#closeProbes();
  }

  /** What a probe's readers need of the collector. */
  #host(): ProbeHost {
    const { native, log } = this.#options;
    return {
      lookups: this.#lookups,
      publisher: () => {
        const clock = new DrainClock(() => native.clockAnchor());
        return (body) => this.#publish(body, clock.mark());
      },
      onError: (name, error) => log.warn(`records of ${name} were not taken by the bus: ${String(error)}`),
    };
  }

  #closeProbes(): void {
    for (const running of this.#running) running.close();
    this.#running = [];
  }

  /** Never rejects: what fails is counted and said, and tried again by the next poll. */
  #poll(reason: 'interval' | 'scrape'): Promise<void> {
    this.#turn = this.#turn.then(() => (this.#closed ? undefined : this.#pollAll(reason)));
    return this.#turn;
  }

  async #pollAll(reason: 'interval' | 'scrape'): Promise<void> {
    const { metrics, log } = this.#options;
    const stop = metrics.pollSeconds.startTimer();
    metrics.polls.inc({ reason });
    this.#drained = this.#clock.mark();
    const how = { keyframe: this.#isFirstPoll, onDemand: reason === 'scrape' };
    for (const { probe, pollers, readers } of this.#running) {
      for (const reader of readers) await reader.poll();
      for (const poller of pollers) {
        try {
          await poller.poll((body) => this.#publishWithFacts(body), how);
        } catch (error) {
          metrics.pollErrors.inc({ config: probe.config.name, map: poller.name });
          log.warn(
            { config: probe.config.name, map: poller.name },
            `map not read, trying again with the next poll: ${String(error)}`,
          );
        }
      }
    }
    this.#isFirstPoll = false;
    try {
      await this.#publish(await this.#health());
    } catch (error) {
      log.warn(`health not published: ${String(error)}`);
    }
    stop();
  }

  async #publishManifest(): Promise<void> {
    const { native, version, host } = this.#options;
    await this.#publish({
      case: 'manifest',
      value: {
        host: hostFacts(native.possibleCpus(), version, host),
        configs: this.#running.map((running) => running.manifest()),
        revision: ++this.#revision,
      },
    });
  }

  /** Facts go before the frame that needs them. */
  async #publishWithFacts(body: FrameBody): Promise<void> {
    for (const lookup of await this.#lookups.take()) await this.#publish(lookup);
    this.#lookups.sent();
    await this.#publish(body);
  }

  async #publish(body: FrameBody, drained = this.#drained): Promise<void> {
    await this.#publisher.publish(body, drained);
    this.#options.metrics.framesPublished.inc({ body: body.case ?? 'none' });
  }

  async #health(): Promise<FrameBody> {
    const losses = await Promise.all(this.#running.map((running) => running.readLosses()));
    return {
      case: 'health',
      value: {
        losses: losses.flat(),
        programs: this.#running.flatMap(({ probe }) => probe.stats()),
        maps: this.#running.flatMap(({ probe, pollers }) =>
          pollers.map(({ name, entries, maxEntries }) => ({
            config: probe.config.name,
            map: name,
            entries: BigInt(entries),
            maxEntries: BigInt(maxEntries),
          })),
        ),
        statsEnabled: await statsEnabled(),
      },
    };
  }
}

/** `kernel.bpf_stats_enabled`. */
async function statsEnabled(): Promise<boolean> {
  return (await readFile('/proc/sys/kernel/bpf_stats_enabled', 'latin1')).trim() === '1';
}
