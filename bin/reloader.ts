import type { Collector } from '../collector/collector.js';
import type { ReloadSummary } from '../collector/reload.js';
import { SingleFlight } from '../collector/single-flight.js';
import type { Logger } from '../lib/log.js';
import type { SettingValues } from '../lib/settings.js';
import { native } from '../native/index.js';
import { classifyError, type SondeError } from '../wire/errors.js';
import { ConfigWatch } from './config-watch.js';
import { describeFailure, isForPeople } from './fail.js';
import { requirePrivileges } from './preflight.js';
import { chosenConfigs, configFolder, warnOfProbes } from './probes.js';
import type { ReloadMetrics } from './metrics.js';

/** What runs. */
interface Reloaded {
  readonly collector: Collector;
  readonly metrics: ReloadMetrics;
}

/** What became of a reload. */
export type ReloadOutcome =
  { readonly ok: true; readonly summary: ReloadSummary } | { readonly ok: false; readonly message: string };

/** Loads the configs anew while everything runs: on SIGHUP, when files change (`config.watch`), and when asked. */
export class Reloader {
  readonly #values: SettingValues;
  readonly #log: Logger;
  /** Who asks while one is under way shares the next with all others who did: it sees the files as they were then. */
  readonly #flight = new SingleFlight(() => this.#reload());
  readonly #onHangUp = (): void => void this.reload('SIGHUP');
  #last: ReloadOutcome = { ok: true, summary: { added: [], changed: [], removed: [], unchanged: [] } };
  #lastError: SondeError | undefined;
  readonly #watch: ConfigWatch;
  #resolve: (reloaded: Reloaded) => void = () => undefined;
  /** Once there is something to be replaced. */
  readonly #reloaded = new Promise<Reloaded>((resolve) => (this.#resolve = resolve));

  constructor(values: SettingValues, log: Logger) {
    this.#values = values;
    this.#log = log;
    this.#watch = new ConfigWatch(configFolder(values), async () => {
      await this.reload('a changed file');
      return this.#lastError?.retryable !== true;
    });
  }

  /**
   * To be called before configs are read: from here on SIGHUP does not end the process, and files that change are noticed. What is
   * asked for waits until {@link begin}.
   */
  async listen(): Promise<void> {
    process.on('SIGHUP', this.#onHangUp);
    if (this.#values['config.watch']) await this.#watch.look();
  }

  /** What was loaded at start runs. */
  begin(reloaded: Reloaded): void {
    reloaded.metrics.done(true, reloaded.collector.configHash);
    this.#resolve(reloaded);
    if (this.#values['config.watch']) this.#watch.start();
  }

  /** Never rejects. `by`: what asked for it, for the log. */
  async reload(by: string): Promise<ReloadOutcome> {
    await this.#reloaded;
    this.#log.info(`reload, asked for by ${by}`);
    await this.#flight.run();
    return this.#last;
  }

  /** Idempotent. A reload that is under way comes to its end. */
  async close(): Promise<void> {
    process.off('SIGHUP', this.#onHangUp);
    this.#watch.close();
    await this.#flight.idle();
  }

  async #reload(): Promise<void> {
    const log = this.#log;
    const { collector, metrics } = await this.#reloaded;
    try {
      const configs = await chosenConfigs(this.#values);
      const strict = this.#values['config.strict'];
      const summary = await collector.reload(configs, { requirePrivileges, strict });
      this.#last = { ok: true, summary };
      this.#lastError = undefined;
      warnOfProbes(collector, log);
      log.info(summaryLine(summary));
    } catch (error) {
      this.#lastError = classifyError(error, 'load');
      this.#last = { ok: false, message: describeFailure(error) };
      if (!isForPeople(error)) log.error(error);
      log.error(`not reloaded, what ran before runs on: ${this.#last.message}`);
    }
    native.trimMemory();
    metrics.done(this.#last.ok, collector.configHash);
  }
}

/** Such as `reloaded: 1 changed (timers), 3 unchanged`. */
export function summaryLine(summary: ReloadSummary): string {
  const parts = (['added', 'changed', 'removed'] as const).flatMap((kind) =>
    summary[kind].length === 0 ? [] : [`${summary[kind].length} ${kind} (${summary[kind].join(', ')})`],
  );
  return `reloaded: ${[...parts, `${summary.unchanged.length} unchanged`].join(', ')}`;
}
