import type { Publisher } from '../../wire/bus.js';
import { DrainClock, type Anchor, type Drained } from '../publish/drain-clock.js';
import type { FrameBody } from '../publish/frame-encoder.js';
import { FramePublisher } from './frame-publisher.js';
import { FactSheet } from './fact-sheet.js';
import { HeldFrames } from './held-frames.js';
import type { HostPlan } from './host-plan.js';
import type { RecordCounts } from './simulated-buffer.js';
import { SimulatedProbe } from './simulated-probe.js';
import { eventTruth, mapTruth, type TruthLine } from './truth.js';

/** Share of a map's rows that may go after a read. */
const EVICTED_SHARE = 0.02;

export interface SimulatedHostOptions {
  readonly plan: HostPlan;
  readonly bus: Publisher;
  /** Reads the host's clocks. */
  readonly clock: () => Anchor;
  /** Text of a config, by name. */
  readonly yaml: ReadonlyMap<string, Uint8Array>;
  /** Of the n-th incarnation of the host's collector; undefined: drawn. */
  readonly session: (incarnation: number) => Uint8Array | undefined;
  /** Bytes of records that wait for the bus; what comes beyond is lost and counted. */
  readonly maxHeldBytes: number;
  /** Probability, at each poll, that the collector is started anew or a config is loaded anew. */
  readonly churn: number;
  readonly version: string;
}

/** What a host does when it is its turn. */
export interface Turn {
  readonly events: number;
  readonly poll: boolean;
  /** Everything is said again. */
  readonly keyframe: boolean;
}

/** One made-up machine, with the collector's own publisher, and the truth about what the bus has acknowledged. */
export class SimulatedHost {
  readonly #options: SimulatedHostOptions;
  readonly #held: HeldFrames;
  readonly #facts = new FactSheet();
  readonly #probes: readonly SimulatedProbe[];
  readonly #clock: DrainClock;
  #drained: Drained;
  #publisher: FramePublisher;
  #incarnation = 0;
  #revision = 0n;
  /** Of the source that counts the next event that does not divide evenly. */
  #nextSource = 0;
  #needsManifest = true;
  /** Rows of maps that were acknowledged. */
  rows = 0;

  constructor(options: SimulatedHostOptions) {
    const { plan, yaml } = options;
    this.#options = options;
    this.#held = new HeldFrames(options.bus);
    this.#clock = new DrainClock(options.clock);
    this.#drained = this.#clock.mark();
    this.#publisher = this.#newPublisher();
    this.#probes = plan.probes.map(
      (probe, configId) =>
        new SimulatedProbe({
          plan: probe,
          configId,
          yaml: yaml.get(probe.config)!,
          littleEndian: plan.littleEndian,
          hasRoom: (bytes) => this.#held.bytes + bytes <= options.maxHeldBytes,
          publish: (body) => this.#publish(body),
          onFact: (fact) => this.#facts.need(fact),
        }),
    );
    for (const probe of this.#probes) probe.load(1);
  }

  /** What became of the records of all sessions. */
  get records(): RecordCounts {
    const total: RecordCounts = { made: 0, acknowledged: 0, lost: 0 };
    for (const { buffer } of this.#probes) {
      total.made += buffer?.records.made ?? 0;
      total.acknowledged += buffer?.records.acknowledged ?? 0;
      total.lost += buffer?.records.lost ?? 0;
    }
    return total;
  }

  /** The bus has all that was read and drained. */
  get isAcknowledged(): boolean {
    return this.#held.isEmpty && this.#probes.every(({ isAcknowledged }) => isAcknowledged);
  }

  /** Counts events, publishes their records, and reads the maps when asked to. Never rejects: what fails is sent with a later turn. */
  async turn({ events, poll, keyframe }: Turn): Promise<void> {
    this.#drained = this.#clock.mark();
    if (keyframe || this.#needsManifest) this.#say(keyframe);
    this.#run(events);
    await this.#held.flush();
    if (!poll) return;
    await this.#poll(keyframe);
    if (this.isAcknowledged) this.#change();
  }

  /** Reads the maps once more, so that the bus gets what was counted since the last read. Nothing happens on the host any more. */
  async lastPoll(): Promise<void> {
    this.#drained = this.#clock.mark();
    if (this.#needsManifest) this.#say(false);
    await this.#held.flush();
    await this.#poll(false);
  }

  /** Samples of the host's series, as they must be once all frames that the bus acknowledged are applied. */
  *truth(prefix: string): Generator<TruthLine> {
    const { name, labels } = this.#options.plan;
    const host = { ...labels, instance: name };
    for (const { maps, buffer } of this.#probes) {
      for (const map of maps) yield* mapTruth(map, prefix, host);
      if (buffer !== undefined) yield* eventTruth(buffer.totals, prefix, host);
    }
  }

  async #poll(keyframe: boolean): Promise<void> {
    for (const probe of this.#probes) await probe.poll((body) => this.#publishState(body), keyframe);
    // Counted by the bus that fails; the next poll's Health has it all.
    await this.#publishState(this.#health()).catch(() => undefined);
  }

  /** Divides events among the maps and buffers. */
  #run(events: number): void {
    const sources = this.#probes.flatMap((probe) =>
      Array.from({ length: probe.sources }, (_, source) => ({ probe, source })),
    );
    const each = Math.floor(events / sources.length);
    const rest = events - each * sources.length;
    for (const [i, { probe, source }] of sources.entries()) {
      const turn = (i - this.#nextSource + sources.length) % sources.length;
      probe.run(source, each + (turn < rest ? 1 : 0), this.#options.plan.random);
    }
    this.#nextSource = (this.#nextSource + rest) % sources.length;
  }

  /** Says who the host is and what runs there; in a keyframe also all that it has looked up. */
  #say(keyframe: boolean): void {
    const { plan, version } = this.#options;
    if (this.#needsManifest) this.#revision++;
    this.#needsManifest = false;
    void this.#publish({
      case: 'manifest',
      value: {
        host: {
          hostname: plan.name,
          kernelRelease: plan.kernelRelease,
          arch: plan.architecture,
          littleEndian: plan.littleEndian,
          possibleCpus: 4,
          labels: plan.labels,
          collectorVersion: version,
        },
        configs: this.#probes.map((probe) => probe.manifest()),
        revision: this.#revision,
      },
    });
    if (keyframe) this.#facts.repeat();
  }

  /** After a read that is acknowledged: rows go and come again, and now and then a config or the collector is started anew. */
  #change(): void {
    const { plan, churn } = this.#options;
    const { random } = plan;
    if (random() >= churn) {
      for (const probe of this.#probes) probe.churn(EVICTED_SHARE, random);
      return;
    }
    this.#needsManifest = true;
    if (random() < 0.5) {
      const probe = this.#probes[Math.floor(random() * this.#probes.length)]!;
      probe.load(probe.epoch + 1);
      return;
    }
    for (const probe of this.#probes) {
      probe.load(1);
      probe.buffer?.beginSession();
    }
    this.#facts.forget();
    this.#publisher = this.#newPublisher();
    this.#revision = 0n;
  }

  #newPublisher(): FramePublisher {
    const { plan, bus, session } = this.#options;
    const { hostId, bootId } = plan;
    const own = session(this.#incarnation++);
    return new FramePublisher({
      bus,
      lane: this.#held,
      hostId,
      bootId,
      ...(own !== undefined && { session: own }),
    });
  }

  #publish(body: FrameBody): Promise<void> {
    return this.#publisher.publish(body, this.#drained);
  }

  /** Rejects while Manifest, facts or records wait: what comes after them may need them. */
  async #publishState(body: FrameBody): Promise<void> {
    for (const lookup of this.#facts.take()) void this.#publish(lookup);
    if (!(await this.#held.flush())) throw new Error('the bus has not taken what comes first');
    await this.#publish(body);
    if (body.case === 'mapRows') this.rows += (body.value.slots?.length ?? 0) / 4;
  }

  #health(): FrameBody {
    const accounts = this.#probes.flatMap(({ buffer, config }) => buffer?.account(config) ?? []);
    return {
      case: 'health',
      value: {
        losses: accounts.flatMap(({ losses }) => losses),
        hops: accounts.flatMap(({ hops }) => hops),
        maps: this.#probes.flatMap((probe) => probe.fill()),
      },
    };
  }
}
