import { dirname, join } from 'node:path';
import { suggest } from '../../lib/suggest.js';
import type { BpfObject, BpfProgram, Native, NativeErrorFields } from '../../native/types.js';
import { SondeError } from '../../wire/errors.js';
import type { ProbeConfig, VariantConfig } from '../../wire/config/schema.js';
import { checkObject } from './check-object.js';
import { explainRefusal, lastLibbpfLine, sectionKind } from './explain.js';
import type { KernelFeatures } from './kernel-features.js';
import { Probe, type ProbeLink, type ProgramStatus, type RefusedVariant } from './probe.js';
import { withTailCalls } from './tail-calls.js';

export interface LoadOptions {
  readonly native: Native;
  /** BTF that objects are fitted to, when not the running kernel's own. */
  readonly btfPath?: string | undefined;
  /** Answers a config's `kaddrs`: undefined when there is no such symbol, 0 when its address is hidden from us. */
  readonly kaddr: (symbol: string) => Promise<bigint | undefined>;
  readonly features: Pick<KernelFeatures, 'unmet' | 'refused' | 'refusalOf'>;
  /** Awaited each time that programs are loaded and about to be attached; what it throws ends the loading. */
  readonly beforeAttach?: () => Promise<void>;
}

interface LoadedVariant {
  /** Null when the kernel took nothing of it. */
  readonly object: BpfObject | null;
  readonly programs: ProgramStatus[];
  readonly links: readonly ProbeLink[];
}

/**
 * Loads and attaches what this kernel takes of a config: of the variants whose conditions hold, the first all of whose programs
 * attach; when there is none such, what the last one can do. When no variant's conditions hold, nothing is loaded.
 * Throws a SondeError or ConfigError for what is the user's to mend: no object, not BPF, a map or size that does not fit.
 */
export async function loadProbe(config: ProbeConfig, options: LoadOptions): Promise<Probe> {
  const refused: RefusedVariant[] = [];
  const programsOfRefused: ProgramStatus[] = [];
  const fitting: VariantConfig[] = [];
  for (const variant of config.variants) {
    const unmet = await options.features.unmet(variant.when);
    if (unmet === undefined) fitting.push(variant);
    else refused.push({ name: variant.name, reason: unmet, isUnfit: true });
  }
  if (refused.length > 0 && fitting.length === 0) return unfitProbe(config, refused, options);
  for (const variant of fitting.slice(0, -1)) {
    const { object, programs, links } = await loadVariant(config, variant, options, true);
    const refusal = programs.find((program) => program.variant === variant.name && !program.attached);
    if (refusal === undefined) return new Probe(config, object, programs, refused, links);
    object?.close();
    refused.push({ name: variant.name, reason: `${refusal.name}: ${refusal.reason}`, isUnfit: false });
    // What is not of this variant is tried with the next, too. Nothing of this one is loaded any more.
    const own = programs.filter((program) => program.variant === variant.name && !program.attached);
    programsOfRefused.push(...own.map((program) => ({ ...program, id: 0, tag: '', loaded: false })));
  }
  const { object, programs, links } = await loadVariant(config, fitting.at(-1), options);
  const isWhole = programs.every((program) => program.attached);
  return new Probe(config, object, isWhole ? programs : [...programsOfRefused, ...programs], refused, links);
}

/** A probe of which no variant is meant for this kernel: its objects are checked, and its programs say why they are not loaded. */
function unfitProbe(config: ProbeConfig, refused: readonly RefusedVariant[], options: LoadOptions): Probe {
  const programs = config.variants.flatMap((variant, i) => {
    const object = openObject(options, objectFile(config, variant), config.name);
    try {
      checkObject(config, object);
      const own = choosePrograms(config, variant, object, []);
      return own.map((program) => notLoaded(program, variantOf(variant, program), refused[i]!.reason));
    } finally {
      object.close();
    }
  });
  // A program of all variants is named once.
  const named = programs.filter(({ name }, i) => programs.findIndex((program) => program.name === name) === i);
  return new Probe(config, null, named, refused);
}

function objectFile(config: ProbeConfig, variant: VariantConfig | undefined): string {
  return join(dirname(config.file), variant?.object ?? `${config.name}.bpf.o`);
}

/**
 * Tells programs at `uprobe//proc/self/exe:post_attach_mark` that everything is attached: those of these probes run once, now,
 * and not again when others are loaded later.
 */
export function markAttached(native: Native, probes: readonly Probe[]): void {
  native.postAttachMark();
  for (const probe of probes) probe.leaveMark();
}

/**
 * Everything of one variant that the kernel takes. libbpf loads an object whole or not at all: when the kernel refuses a program
 * the object is opened again without it, until the rest loads or nothing is left.
 * @param isWholeOrNothing nothing is loaded of a variant with a program of a kind that the kernel refuses.
 */
async function loadVariant(
  config: ProbeConfig,
  variant: VariantConfig | undefined,
  options: LoadOptions,
  isWholeOrNothing = false,
): Promise<LoadedVariant> {
  const file = objectFile(config, variant);
  const refused: ProgramStatus[] = [];
  for (;;) {
    const object = openObject(options, file, config.name);
    try {
      checkObject(config, object);
      const wanted = choosePrograms(config, variant, object, refused);
      if (wanted.length === 0) {
        object.close();
        break;
      }
      const hopeless = refusedKinds(variant, wanted, options);
      if (hopeless.length > 0) {
        refused.push(...hopeless);
        object.close();
        if (isWholeOrNothing && hopeless.some((status) => status.variant === variant?.name)) break;
        continue;
      }
      const missing = await setKaddrs(config, object, options);
      if (missing !== undefined) {
        refused.push(...wanted.map((program) => notLoaded(program, variantOf(variant, program), missing)));
        object.close();
        break;
      }
      const failure = await load(object);
      if (failure === undefined) {
        await options.beforeAttach?.();
        const links: ProbeLink[] = [];
        const attached = wanted.map((program) => attach(program, variantOf(variant, program), links));
        return { object, programs: [...withCalled(attached, object), ...refused], links };
      }
      const culprits = wanted.filter((program) => program.name === failure.program);
      for (const { section } of culprits) options.features.refused(section, failure);
      // What is not a program's fault (a map that cannot be made, say) stops them all.
      for (const program of culprits.length > 0 ? culprits : wanted) {
        const mapType = object.maps.find(({ name }) => name === failure.map)?.type;
        refused.push(
          notLoaded(program, variantOf(variant, program), explainRefusal(failure, program.section, mapType)),
        );
      }
    } catch (error) {
      object.close();
      throw error;
    }
    object.close();
  }
  return { object: null, programs: refused, links: [] };
}

/** Throws a SondeError for an object that libbpf cannot make sense of. */
function openObject({ native, btfPath }: LoadOptions, file: string, name: string): BpfObject {
  try {
    return native.open(file, { name, ...(btfPath !== undefined && { btfPath }) });
  } catch (error) {
    // With an errno it is libbpf's own verdict: it looks like an object, but its parts do not hold together.
    if (!isNativeError(error) || error.errno === 0) throw error;
    const why = lastLibbpfLine(error.log);
    if (error.code !== 'NOT_BPF' && why === undefined) throw error;
    const message =
      error.code === 'NOT_BPF'
        ? `${error.message}: it is cut off or damaged; build it anew`
        : `${file}: libbpf cannot open it: ${why}`;
    throw new SondeError('OBJECT_MISMATCH', message, { stage: 'load', cause: error });
  }
}

/** Turns on the programs of the variant and those of none, and off the rest and what was refused before. */
function choosePrograms(
  config: ProbeConfig,
  variant: VariantConfig | undefined,
  object: BpfObject,
  refused: readonly ProgramStatus[],
): BpfProgram[] {
  const named = config.variants.flatMap((candidate) => candidate.programs);
  const missing = variant?.programs.find((name) => !object.programs.some((program) => program.name === name));
  if (missing !== undefined) {
    const there = object.programs.map((program) => program.name);
    const nearest = suggest(missing, there);
    const hint = nearest === undefined ? 'correct its programs' : `did you mean ${nearest}?`;
    throw new SondeError(
      'OBJECT_MISMATCH',
      `${config.file}: variant ${variant!.name} names program ${missing}, and the object has ${there.join(', ')}; ${hint}`,
      { stage: 'load' },
    );
  }
  for (const program of object.programs) {
    const isWanted =
      variant?.programs.includes(program.name) === true || (program.autoload && !named.includes(program.name));
    program.autoload = isWanted && !refused.some((status) => status.name === program.name);
  }
  return object.programs.filter((program) => program.autoload);
}

/** Those programs of which the kernel has refused others for their kind. */
function refusedKinds(
  variant: VariantConfig | undefined,
  wanted: readonly BpfProgram[],
  { features }: LoadOptions,
): ProgramStatus[] {
  return wanted.flatMap((program) => {
    const refusal = features.refusalOf(program.section);
    if (refusal === undefined) return [];
    return [notLoaded(program, variantOf(variant, program), explainRefusal(refusal, program.section))];
  });
}

/** The variant a program is one of; '' for a program of all variants. */
function variantOf(variant: VariantConfig | undefined, program: BpfProgram): string {
  if (variant === undefined) return '';
  const isOwn = variant.programs.length === 0 || variant.programs.includes(program.name);
  return isOwn ? variant.name : '';
}

/**
 * Gives the programs the addresses of `kaddrs`. Returns why there is none, if so: a program that took 0 for an address would count
 * something else.
 */
async function setKaddrs(config: ProbeConfig, object: BpfObject, options: LoadOptions): Promise<string | undefined> {
  for (const symbol of config.kaddrs) {
    const global = `kaddr_${symbol}`;
    if (!object.hasGlobal(global)) {
      const message = `${config.file}: kaddrs names ${symbol}, but the object has no const volatile u64 ${global}; declare it, or leave ${symbol} out`;
      throw new SondeError('OBJECT_MISMATCH', message, { stage: 'load' });
    }
    const address = await options.kaddr(symbol);
    if (address === undefined) return `this kernel has no symbol ${symbol}, whose address is needed`;
    if (address === 0n) return `the address of ${symbol} is hidden: kernel.kptr_restrict, or CAP_SYSLOG is missing`;
    object.setGlobal(global, address);
  }
  return undefined;
}

async function load(object: BpfObject): Promise<NativeError | undefined> {
  try {
    await object.loadAsync();
    return undefined;
  } catch (error) {
    if (isNativeError(error) && error.errno !== 0) return error;
    throw error;
  }
}

/** A program that cannot be attached by itself is as good as attached when one that is attached calls it (a tail call). */
function withCalled(statuses: readonly ProgramStatus[], { programs, maps }: BpfObject): readonly ProgramStatus[] {
  const loaded = programs.filter((program) => program.loaded);
  const attached = loaded.filter(({ name }) => statuses.some((status) => status.name === name && status.attached));
  const running = new Set([...withTailCalls(attached, loaded, maps)].map(({ name }) => name));
  return statuses.map((status) => (running.has(status.name) ? { ...status, attached: true, reason: '' } : status));
}

function attach(program: BpfProgram, variant: string, links: ProbeLink[]): ProgramStatus {
  const { id, tag } = program.info();
  const { name, section } = program;
  try {
    const isAlone = sectionKind(section) === 'xdp';
    links.push({
      link: program.attach(),
      awaitsMark: program.awaitsMark,
      ...(isAlone && { again: () => program.attach() }),
    });
    return { name, section, variant, id, tag, loaded: true, attached: true, reason: '' };
  } catch (error) {
    if (!isNativeError(error)) throw error;
    return { name, section, variant, id, tag, loaded: true, attached: false, reason: explainRefusal(error, section) };
  }
}

function notLoaded({ name, section }: BpfProgram, variant: string, reason: string): ProgramStatus {
  return { name, section, variant, id: 0, tag: '', loaded: false, attached: false, reason };
}

type NativeError = NativeErrorFields & Error;

function isNativeError(error: unknown): error is NativeError {
  return error instanceof Error && error.name === 'NativeError';
}
