import { readFile } from 'node:fs/promises';
import { machine } from 'node:os';
import type { Native } from '../../native/types.js';
import type { KernelFeature, VariantConditions } from '../../wire/config/schema.js';

const KALLSYMS = '/proc/kallsyms';

/** What a variant's `when` asks of the kernel: each feature is tried once. */
export class KernelFeatures {
  readonly #native: Pick<Native, 'hasFeature'>;
  readonly #arch: string;
  readonly #kallsyms: string;
  readonly #known = new Map<KernelFeature, boolean>();

  /** @param arch as `uname -m` says. */
  constructor(native: Pick<Native, 'hasFeature'>, arch = machine(), kallsyms = KALLSYMS) {
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

  #has(feature: KernelFeature): boolean {
    const has = this.#known.get(feature) ?? this.#native.hasFeature(feature);
    this.#known.set(feature, has);
    return has;
  }

  /** Functions are symbols of type t or T (w, W: weak), also those of modules, which may come and go. */
  async #firstMissing(functions: readonly string[]): Promise<string | undefined> {
    const text = (await readFile(this.#kallsyms)).toString('latin1');
    return functions.find((name) => !new RegExp(` [tTwW] ${name}(\\t|$)`, 'm').test(text));
  }
}
