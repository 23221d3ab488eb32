import { stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { SettingsError } from '../settings/problem.js';
import { Credentials } from './credentials.js';
import { RateLimit } from './rate-limit.js';
import { loadWebConfig, type WebConfig } from './load.js';

/** Between two looks at the files. */
const INTERVAL_MS = 2000;

export interface LiveWebConfigOptions {
  readonly file: string;
  readonly intervalMs?: number;
  /** Gets a sentence for the log. */
  readonly warn: (message: string) => void;
}

/** A web configuration that is read again when its file, or a certificate it names, changes. What cannot be used leaves the last one in place. */
export class LiveWebConfig {
  readonly #options: LiveWebConfigOptions;
  #config: WebConfig;
  #credentials: Credentials;
  #limit: RateLimit | undefined;
  /** Of the files when they were read last, whatever came of it. */
  #seen: string;
  #timer: NodeJS.Timeout | undefined;
  #onChange: ((config: WebConfig) => void) | undefined;
  #looking: Promise<void> = Promise.resolve();

  private constructor(options: LiveWebConfigOptions, config: WebConfig, seen: string) {
    this.#options = options;
    this.#config = config;
    this.#credentials = new Credentials(config);
    this.#limit = limitOf(config);
    this.#seen = seen;
  }

  /** Throws a SettingsError with everything that is wrong. */
  static async open(options: LiveWebConfigOptions): Promise<LiveWebConfig> {
    const { config, seen } = await read(options.file);
    return new LiveWebConfig(options, config, seen);
  }

  get config(): WebConfig {
    return this.#config;
  }

  get credentials(): Credentials {
    return this.#credentials;
  }

  /** Whether one more request may be answered now; it counts when it may. */
  takesRequest(): boolean {
    return this.#limit?.take() ?? true;
  }

  /** Begins to look for changes. */
  watch(onChange: (config: WebConfig) => void): void {
    this.#onChange = onChange;
    const look = (): void => void (this.#looking = this.#looking.then(() => this.#look()));
    this.#timer = setInterval(look, this.#options.intervalMs ?? INTERVAL_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const now = await stateOf(this.#config.files);
    if (now === this.#seen) return;
    this.#seen = now;
    try {
      const { config, seen } = await read(this.#options.file);
      const lasting = LASTING.find((part) => part.of(config) !== part.of(this.#config));
      if (lasting !== undefined) return this.#refuse(`a change of ${lasting.name} takes a restart`);
      if (!isDeepStrictEqual(config.users, this.#config.users)) this.#credentials = new Credentials(config);
      if (!isDeepStrictEqual(config.rateLimit, this.#config.rateLimit)) this.#limit = limitOf(config);
      this.#config = config;
      this.#seen = seen;
      this.#onChange?.(config);
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      this.#refuse(error.message);
    }
  }

  #refuse(why: string): void {
    this.#options.warn(`web configuration not read again, what was read before stays in force: ${why}`);
  }
}

/** What a server is made with. */
const LASTING: readonly { readonly name: string; readonly of: (config: WebConfig) => unknown }[] = [
  { name: 'tls_server_config to none or from none', of: ({ tls }) => tls === undefined },
  { name: 'client_auth_type', of: ({ tls }) => tls?.client_auth_type },
  { name: 'http2', of: ({ http2 }) => http2 },
];

/** Twice: a change while it was read is seen by the next look. */
async function read(file: string): Promise<{ config: WebConfig; seen: string }> {
  const { files } = await loadWebConfig(file);
  const seen = await stateOf(files);
  return { config: await loadWebConfig(file), seen };
}

/** Differs when a file was written, replaced, or has gone. */
async function stateOf(files: readonly string[]): Promise<string> {
  const states = await Promise.all(
    files.map((file) =>
      stat(file, { bigint: true }).then(
        ({ ino, size, mtimeNs }) => `${ino} ${size} ${mtimeNs}`,
        (error: NodeJS.ErrnoException) => error.code,
      ),
    ),
  );
  return [...files, ...states].join('\n');
}

function limitOf({ rateLimit }: WebConfig): RateLimit | undefined {
  return rateLimit && new RateLimit(rateLimit);
}
