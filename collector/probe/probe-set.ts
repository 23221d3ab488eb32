import { createHash } from 'node:crypto';
import { SondeError } from '../../wire/errors.js';
import type { ProbeConfig } from '../../wire/config/schema.js';
import { digestOf } from './digest.js';
import { loadProbe, type LoadOptions } from './load-probe.js';
import type { Probe } from './probe.js';
import { RunningProbe, type ProbeHost } from './running-probe.js';

/** libbpf and the kernel take some 10 ms for an object, on a thread of the pool. More than two at once would only take memory. */
const LOADS_AT_ONCE = 2;

export interface ProbeSetOptions extends Pick<LoadOptions, 'native' | 'btfPath' | 'kaddr' | 'features'> {
  readonly host: () => ProbeHost;
}

/** How what is loaded beside what runs is looked at. */
export interface StageOptions {
  /** Awaited with the probe that is to be replaced, when the new one is loaded and about to be attached. */
  readonly beforeAttach: (before: RunningProbe) => Promise<void>;
  /** Throws for a probe that is not good enough. */
  readonly check: (before: RunningProbe | undefined, fresh: RunningProbe) => void;
}

/** What is to become of the probes: which stay as they are, which are to be loaded, and which go. */
export interface ReloadPlan {
  readonly wanted: readonly WantedProbe[];
  /** Of running probes: no longer asked for. */
  readonly removed: readonly RunningProbe[];
}

interface WantedProbe {
  readonly config: ProbeConfig;
  readonly digest: string;
  /** The probe of this name that runs. */
  readonly before: RunningProbe | undefined;
  readonly isUnchanged: boolean;
}

/** Probes that are loaded and attached, and do not count yet. */
export interface StagedProbes {
  /** All that will run, in the order of the configs. */
  readonly next: readonly RunningProbe[];
  readonly fresh: readonly RunningProbe[];
}

/** The probes of a collector, each a unit that comes and goes without its neighbours. */
export class ProbeSet {
  readonly #options: ProbeSetOptions;
  readonly #digests = new Map<RunningProbe, string>();
  running: readonly RunningProbe[] = [];
  /** Numbers of configs are not given twice within a session. */
  #nextId = 0;

  constructor(options: ProbeSetOptions) {
    this.#options = options;
  }

  /** A hash of everything that runs. */
  get hash(): string {
    const hash = createHash('sha256');
    for (const running of this.running) hash.update(this.#digests.get(running) ?? '');
    return hash.digest('hex');
  }

  async plan(configs: readonly ProbeConfig[]): Promise<ReloadPlan> {
    const digests = await Promise.all(configs.map(digestOf));
    const wanted = configs.map((config, i): WantedProbe => {
      const digest = digests[i]!;
      const before = this.running.find(({ probe }) => probe.config.name === config.name);
      const isUnchanged = before !== undefined && this.#digests.get(before) === digest;
      return { config, digest, before, isUnchanged };
    });
    const removed = this.running.filter((running) => wanted.every(({ before }) => before !== running));
    return { wanted, removed };
  }

  /**
   * Loads and attaches what is new or has changed, beside what runs. Throws what is the user's to mend (see {@link loadProbe}),
   * with everything that it loaded closed again.
   */
  async stage(plan: ReloadPlan, options?: StageOptions): Promise<StagedProbes> {
    const fresh: RunningProbe[] = [];
    const loads: Promise<RunningProbe>[] = [];
    // Who replaces another reads the other's maps first, which nobody else may do meanwhile.
    const atOnce = plan.wanted.some(({ before }) => before !== undefined) ? 1 : LOADS_AT_ONCE;
    try {
      for (const [i, one] of plan.wanted.entries()) {
        await loads[i - atOnce];
        const load = one.isUnchanged ? Promise.resolve(one.before!) : this.#load(one, fresh, loads[i - 1], options);
        load.catch(() => undefined); // it is awaited, but perhaps after others
        loads.push(load);
      }
      return { next: await Promise.all(loads), fresh };
    } catch (error) {
      await Promise.allSettled(loads);
      this.discard({ fresh });
      throw error;
    }
  }

  /** Gives up what was staged. */
  discard({ fresh }: Pick<StagedProbes, 'fresh'>): void {
    for (const running of fresh) this.#close(running);
  }

  /** What was staged runs from here on, and nothing else; what goes has been read. */
  commit({ next }: StagedProbes): void {
    const gone = this.running.filter((running) => !next.includes(running));
    this.running = next;
    for (const running of gone) this.#close(running);
  }

  closeAll(): void {
    for (const running of this.running) this.#close(running);
    this.running = [];
  }

  /** @param previous the load of the one before it, which is attached first. */
  async #load(
    { config, digest, before }: WantedProbe,
    fresh: RunningProbe[],
    previous: Promise<unknown> | undefined,
    options: StageOptions | undefined,
  ): Promise<RunningProbe> {
    const id = before?.configId ?? this.#nextId++;
    const probe = await loadProbe(config, {
      ...this.#options,
      beforeAttach: async () => {
        await previous;
        if (before !== undefined) await options?.beforeAttach(before);
      },
    });
    const running = this.#run(probe, id, before);
    this.#digests.set(running, digest);
    fresh.push(running);
    options?.check(before, running);
    if ((await digestOf(config)) !== digest) {
      const message = `${config.file}: its object was written while it was loaded: reload once it is whole`;
      throw new SondeError('CONFIG', message, { stage: 'load' });
    }
    return running;
  }

  /** With its readers; closed again when one of them cannot be opened. */
  #run(probe: Probe, id: number, before: RunningProbe | undefined): RunningProbe {
    try {
      return new RunningProbe(probe, id, (before?.epoch ?? 0) + 1, this.#options.host());
    } catch (error) {
      probe.close();
      throw error;
    }
  }

  #close(running: RunningProbe): void {
    this.#digests.delete(running);
    running.close();
  }
}
