import type { Logger } from '../lib/log.js';
import type { BpfMap, Native } from '../native/types.js';
import type { Publisher } from '../wire/bus.js';
import type { ProbeConfig } from '../wire/config/schema.js';
import { SondeError } from '../wire/errors.js';
import type { Refresh } from '../wire/refresh.js';
import { Cgroups, needsCgroups } from './facts/cgroup/cgroups.js';
import type { WatchMode } from './facts/cgroup/watch.js';
import { hostFacts, type GivenHostFacts, type HostIdentity } from './facts/host.js';
import { HostAnswers } from './facts/host-answers.js';
import { Kallsyms, needsSymbols } from './facts/kallsyms.js';
import { lookupProviders } from './facts/lookup-providers.js';
import { healthBody } from './health.js';
import type { CollectorMetrics } from './metrics.js';
import { CgroupIdMap } from './probe/cgroup-id-map.js';
import { KernelFeatures } from './probe/kernel-features.js';
import { markAttached } from './probe/load-probe.js';
import { PastLedger } from './probe/past-ledger.js';
import { ProbeSet } from './probe/probe-set.js';
import type { Probe } from './probe/probe.js';
import type { PolledMap, ProbeHost, RunningProbe } from './probe/running-probe.js';
import { BusAwayError } from './publish/bus-link.js';
import { DrainClock, type Drained } from './publish/drain-clock.js';
import type { FrameBody } from './publish/frame-encoder.js';
import { KeyframeSchedule } from './publish/keyframe-schedule.js';
import { Uplink, type SpoolSettings } from './publish/uplink.js';
import { checkManifest } from './probe/check-manifest.js';
import { reloadProbes, type ReloadOptions, type ReloadSummary } from './reload.js';
import { SingleFlight } from './single-flight.js';
import { mapChunks, type MapChunk } from './source/map-chunk.js';
import type { RecordReader } from './source/record-reader.js';

/** Closing takes no longer than these together. */
const CLOSE_FLUSH_MS = 5000;
const CLOSE_POLL_MS = 4000;

export interface CollectorOptions {
  readonly native: Native;
  /** BTF that objects are fitted to, when not the running kernel's own. */
  readonly btfPath?: string | undefined;
  readonly bus: Publisher;
  readonly identity: HostIdentity;
  /** What a person says about this host. */
  readonly host?: GivenHostFacts;
  readonly configs: readonly ProbeConfig[];
  readonly version: string;
  /** Time between two reads that nobody asked for. */
  readonly pollIntervalMs: number;
  /** Time between two reads that say everything again, for aggregators that begin in the middle; left out: only the first does. */
  readonly keyframeIntervalMs?: number;
  /** Where records wait while the bus is away; left out: in memory, 16 MiB of them. */
  readonly spool?: SpoolSettings;
  /** How cgroups that come and go are noticed; left out: `auto`, the first way that is permitted. */
  readonly cgroupWatch?: 'auto' | WatchMode;
  readonly metrics: CollectorMetrics;
  readonly log: Logger;
}

/** Loads probes, reads their maps, and publishes frames. */
export class Collector implements Refresh {
  readonly #options: CollectorOptions;
  readonly #uplink: Uplink;
  readonly #keyframes: KeyframeSchedule;
  /** Of the reads of maps; each buffer has its own. */
  readonly #clock: DrainClock;
  #drained: Drained;
  readonly #kallsyms: Kallsyms;
  readonly #cgroups: Cgroups;
  readonly #answers: HostAnswers;
  readonly #probes: ProbeSet;
  readonly #past = new PastLedger();
  /** Of the Manifest. */
  #revision = 1n;
  #timer: NodeJS.Timeout | undefined;
  readonly #demand = new SingleFlight(() => this.#poll('scrape'));
  /** Reads that fall due while one is under way become one: they do not queue. */
  readonly #interval = new SingleFlight(() => this.#poll('interval'));
  /** Polls follow each other: a map has one reader. */
  #turn: Promise<void> = Promise.resolve();
  /** A keyframe has said what this session is, and goes on with the next poll. */
  #isKeyframeBegun = false;
  #closed = false;
  #pollBeganMs: number | undefined;

  constructor(options: CollectorOptions) {
    const { native, bus, identity, spool, metrics, log, keyframeIntervalMs: intervalMs = Infinity } = options;
    this.#options = options;
    this.#kallsyms = new Kallsyms(native);
    this.#cgroups = new Cgroups({ native, watch: options.cgroupWatch ?? 'auto', metrics: metrics.cgroups, log });
    this.#answers = new HostAnswers(lookupProviders(native, this.#kallsyms, this.#cgroups));
    this.#clock = new DrainClock(() => native.clockAnchor());
    this.#drained = this.#clock.mark();
    this.#keyframes = new KeyframeSchedule({ intervalMs, hostId: identity.hostId, now: () => performance.now() });
    this.#probes = new ProbeSet({
      native,
      btfPath: options.btfPath,
      kaddr: (symbol) => this.#kallsyms.address(symbol),
      features: new KernelFeatures(native),
      host: () => this.#host(),
    });
    this.#uplink = new Uplink({
      bus,
      identity,
      ...(spool !== undefined && { spool }),
      metrics,
      log,
      now: () => this.#drained,
      manifest: () => this.#manifest(),
      onFactsGone: (why) => this.#factsGone(why),
      onCaughtUp: () => this.#caughtUp(),
      accountOf: (configId, epoch, mapId) => this.#accountOf(configId, epoch, mapId),
    });
  }

  get probes(): readonly Probe[] {
    return this.#probes.running.map(({ probe }) => probe);
  }

  /** A hash of all YAML and objects that run, in hex. */
  get configHash(): string {
    return this.#probes.hash;
  }

  /**
   * Loads and attaches all probes, publishes the Manifest and a first read, and begins to read at intervals. A bus that is away, and
   * what waits in the spool, do not hold it up.
   * Throws for what is the user's to mend (see {@link loadProbe}), with everything that was loaded before closed again.
   */
  async start(): Promise<void> {
    const { native, configs, pollIntervalMs, keyframeIntervalMs = Infinity } = this.#options;
    await this.#uplink.start();
    try {
      if (configs.some(needsSymbols)) this.#kallsyms.expect();
      if (configs.some(needsCgroups)) await this.#cgroups.start();
      const staged = await this.#probes.stage(await this.#probes.plan(configs));
      this.#probes.commit(staged);
      checkManifest(this.#manifest());
      markAttached(native, this.probes);
    } catch (error) {
      this.#probes.closeAll();
      this.#cgroups.close();
      await this.#uplink.close();
      throw error;
    }
    this.#beginKeyframe();
    for (const { readers } of this.#probes.running) for (const reader of readers) reader.start();
    await this.#poll('interval');
    this.#timer = setInterval(() => void this.#interval.run(), Math.min(pollIntervalMs, keyframeIntervalMs));
    this.#timer.unref();
  }

  /** How long the read that is under way has taken so far; 0 when there is none. */
  get pollAgeMs(): number {
    return this.#pollBeganMs === undefined ? 0 : performance.now() - this.#pollBeganMs;
  }

  /** All maps that are polled, as they are now, for people to look at. */
  async *mapChunks(): AsyncGenerator<MapChunk> {
    for (const { probe, configId, pollers } of this.#probes.running) {
      for (const [mapId, poller] of pollers.entries()) {
        yield* mapChunks(poller, { config: probe.config.name, configId, mapId });
      }
    }
  }

  /** See {@link Refresh}. */
  refresh(): Promise<void> {
    return this.#demand.run();
  }

  /**
   * Runs these configs instead of those that run. Those whose YAML and objects are the same are not touched. What is new or has
   * changed is loaded and attached first; what goes is read, drained and sent a last time. A changed config's totals go on: the
   * old probe is read for the last time just before the new one is attached, so that nothing is counted twice.
   * Throws, and leaves everything as it was, for what {@link start} throws for, when a program that runs could not run any more, and
   * when the bus does not take what the probes that go have counted.
   */
  reload(configs: readonly ProbeConfig[], options: ReloadOptions = {}): Promise<ReloadSummary> {
    const done = this.#turn.then(() => this.#reload(configs, options));
    this.#turn = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  /**
   * Drains and reads a last time, sends what waits as far as the bus takes it, and detaches everything; at most 10 s. What then
   * still waits stays in the spool. Idempotent.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    if (this.#probes.running.length > 0) await within(CLOSE_FLUSH_MS + CLOSE_POLL_MS, this.#finish());
    this.#probes.closeAll();
    this.#cgroups.close();
    await this.#uplink.close();
  }

  async #finish(): Promise<void> {
    await this.#interval.idle();
    await this.#demand.idle();
    await this.#turn;
    for (const { readers } of this.#probes.running) for (const reader of readers) await reader.flush();
    await this.#uplink.flush(CLOSE_FLUSH_MS);
    await this.#pollAll('interval');
  }

  /** What a probe's readers need of the collector. */
  #host(): ProbeHost {
    const { native, log } = this.#options;
    return {
      answers: this.#answers,
      push: (items) => this.#uplink.push(items),
      clock: () => new DrainClock(() => native.clockAnchor()),
      onError: (name, error) => log.warn(`facts for records of ${name} could not be looked up: ${String(error)}`),
      followCgroups: (config, map) => this.#followCgroups(config, map),
    };
  }

  #followCgroups({ name, cgroupIdMap }: ProbeConfig, map: BpfMap): CgroupIdMap {
    const { metrics, log } = this.#options;
    const idMap = new CgroupIdMap({
      config: name,
      chosen: cgroupIdMap!,
      map,
      cgroups: this.#cgroups,
      metrics: metrics.cgroups,
      log,
    });
    void idMap.start();
    return idMap;
  }

  async #reload(configs: readonly ProbeConfig[], options: ReloadOptions): Promise<ReloadSummary> {
    if (this.#closed) throw new SondeError('CLOSED', 'the collector is being closed', { stage: 'load' });
    this.#drained = this.#clock.mark();
    const summary = await reloadProbes(configs, options, {
      probes: this.#probes,
      past: this.#past,
      poll: (running) => this.#pollProbe(running),
      isCaughtUp: () => this.#uplink.isCaughtUp,
      checkManifest: (next) => checkManifest(this.#manifest(next)),
      announce: (fresh) => this.#announce(fresh),
      log: this.#options.log,
    });
    await this.#sendHealth();
    return summary;
  }

  #announce(fresh: readonly RunningProbe[]): void {
    markAttached(
      this.#options.native,
      fresh.map(({ probe }) => probe),
    );
    this.#revision++;
    this.#uplink.sayFirst([this.#manifest()]);
    this.#drained = this.#clock.mark();
  }

  async #pollProbe({ probe, polled }: RunningProbe): Promise<boolean> {
    let isWhole = true;
    for (const map of polled) isWhole = (await this.#pollMap(probe, map, false, 'interval')) && isWhole;
    return isWhole;
  }

  /** Never rejects: what fails is counted and said, and tried again by the next poll. */
  #poll(reason: 'interval' | 'scrape'): Promise<void> {
    this.#turn = this.#turn.then(() => (this.#closed ? undefined : this.#pollAll(reason)));
    return this.#turn;
  }

  async #pollAll(reason: 'interval' | 'scrape'): Promise<void> {
    const { metrics } = this.#options;
    const stop = metrics.pollSeconds.startTimer();
    this.#pollBeganMs = performance.now();
    metrics.polls.inc({ reason });
    this.#drained = this.#clock.mark();
    const keyframe = this.#keyframes.isDue && this.#uplink.isCaughtUp;
    if (keyframe && !this.#isKeyframeBegun) this.#beginKeyframe();
    this.#isKeyframeBegun = false;
    await this.#drainBuffers();
    let isWhole = true;
    for (const { probe, polled } of this.#probes.running) {
      for (const map of polled) isWhole = (await this.#pollMap(probe, map, keyframe, reason)) && isWhole;
    }
    isWhole = (await this.#sendHealth(reason === 'scrape')) && isWhole;
    if (keyframe && isWhole) {
      this.#keyframes.done();
      metrics.keyframes.inc();
    }
    this.#pollBeganMs = undefined;
    stop();
  }

  /** So that who asked for this read gets records as fresh as rows. */
  async #drainBuffers(): Promise<void> {
    const readers = this.#probes.running.flatMap((running) => running.readers);
    for (const reader of readers) await reader.poll();
    if (readers.length > 0) await this.#uplink.settled();
  }

  /** True when the bus has all that is to be sent of the map. */
  async #pollMap(
    probe: Probe,
    { poller, facts }: PolledMap,
    keyframe: boolean,
    reason: 'interval' | 'scrape',
  ): Promise<boolean> {
    const { metrics, log } = this.#options;
    // Its rows go without, and are decoded again when the host has an answer.
    const onError = (error: unknown): void =>
      log.warn(`facts for rows of ${poller.name} could not be looked up: ${String(error)}`);
    const send = async (body: FrameBody): Promise<void> => {
      if (facts.isPending) this.#uplink.sayFirst(await facts.take(onError));
      await this.#uplink.send(body, this.#drained);
    };
    facts.askDue();
    try {
      await poller.poll(send, { keyframe, onDemand: reason === 'scrape' });
      return true;
    } catch (error) {
      const labels = { config: probe.config.name, map: poller.name };
      metrics.pollErrors.inc(labels);
      // Said once, when it went away.
      if (!(error instanceof BusAwayError)) {
        log.warn(labels, `map not read, trying again with the next poll: ${String(error)}`);
      }
      return false;
    }
  }

  /** @param onDemand the poll that ends with it was made for a scrape. */
  async #sendHealth(onDemand = false): Promise<boolean> {
    try {
      const body = await healthBody(this.#probes.running, this.#past.read(), this.#uplink.recovered, onDemand);
      await this.#uplink.send(body, this.#drained);
      return true;
    } catch (error) {
      if (!(error instanceof BusAwayError)) this.#options.log.warn(`health not published: ${String(error)}`);
      return false;
    }
  }

  /** Says what this session is, and forgets what has been said: the poll that follows says it all again. */
  #beginKeyframe(): void {
    for (const running of this.#probes.running) {
      running.renewKeyFacts();
      running.renewRecordFacts();
    }
    this.#uplink.sayFirst([this.#manifest()]);
    this.#isKeyframeBegun = true;
  }

  #factsGone(why: 'segment' | 'lost'): void {
    for (const running of this.#probes.running) running.renewRecordFacts();
    if (why === 'lost') this.#keyframes.demand();
  }

  /** What was due while the bus was away need not wait for the next interval. */
  #caughtUp(): void {
    if (!this.#closed && this.#keyframes.isDue) void this.#interval.run();
  }

  #accountOf(configId: number, epoch: number, mapId: number): RecordReader['account'] | undefined {
    const running = this.#probes.running.find((probe) => probe.configId === configId && probe.epoch === epoch);
    const account = running?.readers.find((reader) => reader.mapId === mapId)?.account;
    return account ?? this.#past.accountOf(configId, epoch, mapId);
  }

  /** Its revision grows with every change of what runs. */
  #manifest(running = this.#probes.running): FrameBody {
    const { native, version, host } = this.#options;
    return {
      case: 'manifest',
      value: {
        host: hostFacts(native.possibleCpus(), version, host),
        configs: running.map((probe) => probe.manifest()),
        revision: this.#revision,
      },
    };
  }
}

/** Resolves when the work is done or the time is over. */
async function within(timeoutMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeoutMs)));
  await Promise.race([work, timeout]);
  clearTimeout(timer);
}
