import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const START_TIMEOUT_MS = 90_000;
const POLL_MS = 50;
/** How long a server may take to end by itself before it is killed. */
const STOP_TIMEOUT_MS = 10_000;

export interface ServerOptions {
  /** For messages and the log: `<folder>/<name>.log`. */
  readonly name: string;
  readonly folder: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Rejects as long as the server does not answer. */
  readonly ready: () => Promise<void>;
  /** Goes on when this process ends; without it the kernel kills the server then, however this process ends. */
  readonly background?: boolean;
}

/** One process that serves: started, killed and started again on the same ports and data. */
export class Server {
  readonly #options: ServerOptions;
  #child: ChildProcess | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when it answers. Rejects with the end of its log when it ends instead, or takes too long. */
  async start(): Promise<void> {
    const { background = false, folder, name } = this.#options;
    if (this.#child !== undefined) throw new Error(`${name} is running already`);
    mkdirSync(folder, { recursive: true });
    const log = openSync(this.#logFile, 'a');
    const child = background ? this.#spawnInBackground(log) : this.#spawnTied(log);
    this.#child = child;
    closeSync(log);
    child.once('close', () => (this.#child = undefined));
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    await this.#answered(child);
    if (background) child.unref();
  }

  /** kill -9. Resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Lets it end by itself, and kills it when that takes too long. */
  async stop(): Promise<void> {
    const killing = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#end('SIGTERM');
    clearTimeout(killing);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
  }

  get #logFile(): string {
    return join(this.#options.folder, `${this.#options.name}.log`);
  }

  #spawnInBackground(log: number): ChildProcess {
    return spawn(this.#options.command, this.#options.args, { stdio: ['ignore', log, log], detached: true });
  }

  #spawnTied(log: number): ChildProcess {
    const tie = ['--pdeathsig', 'KILL', this.#options.command];
    return spawn('setpriv', [...tie, ...this.#options.args], { stdio: ['ignore', log, log] });
  }

  async #answered(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      const refusal = await this.#options.ready().then(
        () => undefined,
        (error: unknown) => error,
      );
      const hasEnded = child.exitCode !== null || child.signalCode !== null;
      if (refusal === undefined && !hasEnded) return;
      if (hasEnded || Date.now() > deadline) {
        await this.kill();
        const what = hasEnded ? 'ended instead of serving' : `does not answer (${String(refusal)})`;
        throw new Error(`${this.#options.name} ${what}. The end of its log:\n${this.#endOfLog()}`);
      }
      await sleep(POLL_MS);
    }
  }

  #endOfLog(): string {
    return readFileSync(this.#logFile, 'utf8').split('\n').slice(-30).join('\n');
  }
}
