import { metricsOf } from '../../wire/config/metrics-of.js';
import type { ProbeConfig } from '../../wire/config/schema.js';
import { decodeFrame, type Config, type Frame } from '../../wire/frame.js';

/** Puts other configs in the place of those that frames were recorded under, by name. */
export class ReplacedConfigs {
  readonly #configs: ReadonlyMap<string, ProbeConfig>;
  /** Names of configs that some Manifest had. */
  readonly #seen = new Set<string>();
  readonly #onProblem: (host: string, config: string, message: string) => void;

  /** `onProblem` is told of metrics that cannot be made of what a host has sent. */
  constructor(configs: readonly ProbeConfig[], onProblem: (host: string, config: string, message: string) => void) {
    this.#configs = new Map(configs.map((config) => [config.name, config]));
    this.#onProblem = onProblem;
  }

  /** Replacements for configs that no host had, and the configs that there were. */
  unused(): { missing: readonly string[]; recorded: readonly string[] } {
    return {
      missing: [...this.#configs.keys()].filter((name) => !this.#seen.has(name)),
      recorded: [...this.#seen].sort(),
    };
  }

  /** The frame in `bytes`, its Manifest as if the host had had the other configs. Throws as {@link decodeFrame}. */
  readonly decode = (bytes: Uint8Array): Frame => {
    const frame = decodeFrame(bytes);
    if (frame.body.case !== 'manifest') return frame;
    for (const shape of frame.body.value.configs) {
      this.#seen.add(shape.name);
      const config = this.#configs.get(shape.name);
      if (config === undefined) continue;
      shape.yaml = Buffer.from(config.yaml);
      this.#checkSources(frame.hostId, config, shape);
    }
    return frame;
  };

  #checkSources(host: string, config: ProbeConfig, shape: Config): void {
    const recorded = new Set(shape.maps.map(({ name }) => name));
    for (const { name, source } of metricsOf(config)) {
      if (recorded.has(source.map) || shape.silentMetrics.includes(name)) continue;
      const there = [...recorded].sort().join(', ') || 'nothing';
      this.#onProblem(host, config.name, `metric ${name}: ${source.map} was not recorded, only ${there}`);
    }
  }
}
