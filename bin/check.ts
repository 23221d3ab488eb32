import { SERVED } from '../aggregator/served.js';
import { checkProbe } from '../collector/check/check-probe.js';
import { measure, type ProgramCost } from '../collector/check/measure.js';
import { Kallsyms } from '../collector/facts/kallsyms.js';
import { KernelFeatures } from '../collector/probe/kernel-features.js';
import { loadProbe, type LoadOptions } from '../collector/probe/load-probe.js';
import type { Probe } from '../collector/probe/probe.js';
import type { Settings } from '../lib/settings/load.js';
import { native } from '../native/index.js';
import { loadConfigs } from '../wire/config/load.js';
import { notServed } from '../wire/config/not-served.js';
import type { ProbeConfig } from '../wire/config/schema.js';
import { ConfigError, formatProblem } from '../wire/errors.js';
import { checkText, type CheckedProbe } from './check-text.js';
import { UsageError } from './fail.js';
import { preflight, requireBtf } from './preflight.js';
import { configFolder } from './probes.js';

export interface CheckFlags {
  /** How long programs are watched, in milliseconds; 0: not at all. */
  readonly measureMs: number;
}

/**
 * `sonde check`: what each config would do here, and what not and why. Returns whether all is well: no fault, and with
 * `config.strict` every program attached. Throws a ConfigError for YAML that cannot be read, a UsageError for a
 * `btf.path` that is none.
 */
export async function check({ values }: Settings, { measureMs }: CheckFlags): Promise<boolean> {
  const configs = await loadConfigs(configFolder(values), values['config.names']);
  const missing = configs.flatMap((config) => notServed(config, SERVED));
  if (missing.length > 0) throw new ConfigError(missing);
  const reports = configs.map((config) => checkProbe(config, native));
  const btfPath = values['btf.path'];
  if (btfPath !== undefined) requireBtf(btfPath);
  const why = whyNotHere(btfPath);
  if (why !== undefined) process.stdout.write(`Nothing is attached: ${why}\n\n`);
  const sound = configs.filter((_, i) => why === undefined && reports[i]!.faults.length === 0);
  const kallsyms = new Kallsyms(native);
  const features = new KernelFeatures(native);
  const kaddr = (symbol: string): Promise<bigint | undefined> => kallsyms.address(symbol);
  const options: LoadOptions = { native, btfPath, features, kaddr };
  const attached = new Map<ProbeConfig, { probe: Probe } | { fault: string }>();
  try {
    for (const config of sound) attached.set(config, await attachOne(config, options));
    const probes = [...attached.values()].flatMap((one) => ('probe' in one ? [one.probe] : []));
    const costs = measureMs > 0 && probes.length > 0 ? await measure(probes, measureMs, native) : NO_COSTS;
    const checked = configs.map((config, i): CheckedProbe => {
      const one = attached.get(config);
      const report = reports[i]!;
      const faults = one !== undefined && 'fault' in one ? [...report.faults, one.fault] : report.faults;
      const warnings = report.warnings.map(formatProblem);
      return {
        config,
        metrics: report.metrics,
        faults,
        warnings,
        probe: one && 'probe' in one ? one.probe : undefined,
      };
    });
    process.stdout.write(checked.map((one) => checkText(one, costs)).join('\n'));
    const isWhole = probes.every(({ programs }) => programs.every((program) => program.attached));
    return checked.every(({ faults }) => faults.length === 0) && (isWhole || !values['config.strict']);
  } finally {
    for (const one of attached.values()) if ('probe' in one) one.probe.close();
  }
}

const NO_COSTS: ReadonlyMap<number, ProgramCost> = new Map();

/** Why nothing can be loaded here; undefined when it can. */
function whyNotHere(btfPath: string | undefined): string | undefined {
  try {
    preflight(btfPath);
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

async function attachOne(config: ProbeConfig, options: LoadOptions): Promise<{ probe: Probe } | { fault: string }> {
  try {
    return { probe: await loadProbe(config, options) };
  } catch (error) {
    if (error instanceof Error && /^(SondeError|ConfigError|NativeError)$/.test(error.name))
      return { fault: error.message };
    throw error;
  }
}
