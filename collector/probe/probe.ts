import type { BpfLink, BpfMap, BpfObject, BpfProgram } from '../../native/types.js';
import type { ProbeConfig } from '../../wire/config/schema.js';

/** What became of one program. */
export interface ProgramStatus {
  readonly name: string;
  readonly section: string;
  /** Name of its variant, '' when the config has none. */
  readonly variant: string;
  readonly id: number;
  readonly tag: string;
  readonly loaded: boolean;
  readonly attached: boolean;
  /** Why it is not loaded or not attached, '' when it is. */
  readonly reason: string;
}

/** A variant that is not the one that runs, because the kernel refuses it or its conditions do not hold. */
export interface RefusedVariant {
  readonly name: string;
  readonly reason: string;
  /** Its conditions do not hold: it is not meant for this kernel. */
  readonly isUnfit: boolean;
}

/** What holds a program where it is attached. */
export interface ProbeLink {
  readonly link: BpfLink;
  /** Its program waits for the mark that all is attached. */
  readonly awaitsMark: boolean;
  /** Of a program that leaves no room for another where it is: attaches it again. */
  readonly again?: () => BpfLink;
}

/** A config whose object is loaded, as far as this kernel takes it. */
export class Probe {
  readonly config: ProbeConfig;
  readonly programs: readonly ProgramStatus[];
  readonly refusedVariants: readonly RefusedVariant[];
  /** Null when the kernel took nothing of it. */
  readonly object: BpfObject | null;
  #links: readonly ProbeLink[];
  #hasGivenWay = false;
  readonly #handles: ReadonlyMap<number, BpfProgram>;
  /** Ids of maps that an attached program uses. */
  readonly #liveMaps: ReadonlySet<number>;

  constructor(
    config: ProbeConfig,
    object: BpfObject | null,
    programs: readonly ProgramStatus[],
    refusedVariants: readonly RefusedVariant[],
    links: readonly ProbeLink[] = [],
  ) {
    this.config = config;
    this.object = object;
    this.programs = programs;
    this.refusedVariants = refusedVariants;
    this.#links = links;
    const running = new Set(programs.filter((program) => program.attached).map((program) => program.name));
    const handles = object?.programs.filter((program) => program.loaded) ?? [];
    this.#handles = new Map(handles.map((program) => [program.info().id, program]));
    const attached = handles.filter(({ name }) => running.has(name));
    this.#liveMaps = mapsOf(attached);
  }

  /**
   * Whether an attached program feeds this map, or one that it calls; a map of no program at all is fed as long as anything runs. Which maps a
   * program would use is known only once it is loaded: with one that is not, a map without a program may be its own.
   */
  isFed(map: BpfMap): boolean {
    if (this.#liveMaps.has(map.id)) return true;
    if (this.#liveMaps.size === 0 || this.object?.programs.every((program) => program.loaded) !== true) return false;
    return ![...this.#handles.values()].some((program) => program.info().mapIds.includes(map.id));
  }

  /** The map of that name, when the probe runs and feeds it. */
  fedMap(name: string): BpfMap | undefined {
    const map = this.object?.maps.find((candidate) => candidate.name === name);
    return map !== undefined && this.isFed(map) ? map : undefined;
  }

  /** Whether no variant of it is meant for this kernel. */
  get isUnfit(): boolean {
    return (
      this.object === null && this.refusedVariants.length > 0 && this.refusedVariants.every(({ isUnfit }) => isUnfit)
    );
  }

  /** Run statistics of the loaded programs, by program id. */
  stats(): { id: number; runTimeNs: bigint; runCount: bigint }[] {
    return [...this.#handles].map(([id, program]) => {
      const { runTimeNs, runCount } = program.info();
      return { id, runTimeNs, runCount };
    });
  }

  /** How often the kernel skipped one of its programs, because the program was hit while it ran on the same CPU. */
  recursionMisses(): bigint {
    return [...this.#handles.values()].reduce((sum, program) => sum + program.info().recursionMisses, 0n);
  }

  /** Detaches its programs from the mark: they have run, and a later mark is not for them. */
  leaveMark(): void {
    for (const { link, awaitsMark } of this.#links) if (awaitsMark) link.close();
  }

  /** Detaches the programs that leave no room for others where they are, until {@link takeBack}. */
  giveWay(): void {
    this.#hasGivenWay = true;
    for (const { link, again } of this.#links) if (again !== undefined) link.close();
  }

  /** Attaches again what has given way and is not detached for good. Throws a NativeError when there is no room any more. */
  takeBack(): void {
    if (!this.#hasGivenWay) return;
    this.#hasGivenWay = false;
    this.#links = this.#links.map((one) => (one.again === undefined ? one : { ...one, link: one.again() }));
  }

  /** Stops the programs; their maps stay. */
  detach(): void {
    this.#hasGivenWay = false;
    for (const { link } of this.#links) link.close();
  }

  close(): void {
    this.object?.close();
  }
}

/** Ids of the maps that these programs use. */
export function mapsOf(programs: Iterable<BpfProgram>): Set<number> {
  return new Set([...programs].flatMap((program) => program.info().mapIds));
}
