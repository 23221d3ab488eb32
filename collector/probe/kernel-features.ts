import { machine } from 'node:os';
import type { Native, NativeErrorFields } from '../../native/types.js';
import type { KernelFeature, VariantConditions } from '../../wire/config/schema.js';
import { sectionKind } from './explain.js';

const KALLSYMS = '/proc/kallsyms';

type Refusal = NativeErrorFields & Error;

/** The feature without which a kernel loads no program of a kind. */
const FEATURE_OF_KIND: Readonly<Record<string, KernelFeature>> = {
  fentry: 'fentry',
  fexit: 'fentry',
  fmod_ret: 'fentry',
  lsm: 'lsm',
  tp_btf: 'tp_btf',
};

/**
 * What this kernel can do: what a variant's `when` asks, each feature tried once; and which kinds of programs it has refused, so that
 * not each of them costs a load that fails.
 */
export class KernelFeatures {
  readonly #native: Pick<Native, 'hasFeature' | 'readFile'>;
  readonly #arch: string;
  readonly #kallsyms: string;
  readonly #known = new Map<KernelFeature, boolean>();
  readonly #refusals = new Map<KernelFeature, Refusal>();

  /** @param arch as `uname -m` says. */
  constructor(native: Pick<Native, 'hasFeature' | 'readFile'>, arch = machine(), kallsyms = KALLSYMS) {
    this.#native = native;
    this.#arch = arch;
    this.#kallsyms = kallsyms;
  }

  /** Why these conditions do not hold, in words; undefined when they do. */
  async unmet({ arch, features, functions }: VariantConditions): Promise<string | undefined> {
    if (arch.length > 0 && !arch.includes(this.#arch)) return `this machine is ${this.#arch}, not ${arch.join(' or ')}`;
    for (const [feature, wanted] of features) {
      if (this.#has(feature) !== wanted) return `this kernel ${wanted ? 'lacks' : 'has'} ${feature}`;
    }
    const missing = functions.length === 0 ? undefined : await this.#firstMissing(functions);
    return missing === undefined ? undefined : `this kernel has no function ${missing}`;
  }

  /** A program of this section could not be loaded: when the kernel lacks the feature, no other of its kind will be. */
  refused(section: string, error: Refusal): void {
    const feature = featureOf(section);
    if (feature !== undefined && !this.#has(feature)) this.#refusals.set(feature, error);
  }

  /** What the kernel said of the first program that it refused for the lack of a feature that this section needs. */
  refusalOf(section: string): Refusal | undefined {
    const feature = featureOf(section);
    return feature === undefined ? undefined : this.#refusals.get(feature);
  }

  #has(feature: KernelFeature): boolean {
    const has = this.#known.get(feature) ?? this.#native.hasFeature(feature);
    this.#known.set(feature, has);
    return has;
  }

  /** Functions are symbols of type t or T (w, W: weak), also those of modules, which may come and go. */
  async #firstMissing(functions: readonly string[]): Promise<string | undefined> {
    const text = (await this.#native.readFile(this.#kallsyms)).toString('latin1');
    return functions.find((name) => !new RegExp(` [tTwW] ${name}(\\t|$)`, 'm').test(text));
  }
}

function featureOf(section: string): KernelFeature | undefined {
  return FEATURE_OF_KIND[sectionKind(section)];
}
