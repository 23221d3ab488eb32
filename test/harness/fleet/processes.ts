import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.js';
import { SONDE } from '../executable.js';

const START_TIMEOUT_MS = 60_000;
/** What is kept of what a process prints: its end. */
const KEPT_CHARACTERS = 64 * 1024;

/** A `sonde COMMAND` that can be ended in every way, and started again with the same arguments. */
export class SondeProcess {
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #output = '';

  /** Ended after the test, if it still runs then. */
  constructor(t: TestContext, args: readonly string[]) {
    this.#args = args;
    t.after(() => this.kill());
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** The end of what it has printed, over all its lives. */
  get output(): string {
    return this.#output;
  }

  start(): void {
    const child = spawn(process.execPath, [SONDE, ...this.#args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (chunk: Buffer): string => (this.#output = (this.#output + chunk.toString()).slice(-KEPT_CHARACTERS));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    this.#child = child;
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** Ends it at once, also when it is stopped. */
  async kill(): Promise<void> {
    if (!this.isRunning) return;
    this.signal('SIGKILL');
    await this.ended();
  }

  /** Asks it to end, and resolves with its status (null: by a signal). */
  async stop(): Promise<number | null> {
    if (!this.isRunning) return this.#child?.exitCode ?? null;
    this.signal('SIGTERM');
    return this.ended();
  }

  /** Resolves with its status when it has ended. */
  async ended(): Promise<number | null> {
    if (this.isRunning) await once(this.#child!, 'exit');
    return this.#child!.exitCode;
  }
}

/** A `sonde aggregate` on a port of its own, which stays the same over its lives. */
export class AggregatorProcess extends SondeProcess {
  readonly url: string;

  private constructor(t: TestContext, port: number, args: readonly string[]) {
    super(t, ['aggregate', '--web.listen-address', `127.0.0.1:${port}`, ...args]);
    this.url = `http://127.0.0.1:${port}`;
  }

  static async create(t: TestContext, args: readonly string[]): Promise<AggregatorProcess> {
    return new AggregatorProcess(t, await freePort(), args);
  }

  /** One that is started, and answers. */
  static async serving(t: TestContext, args: readonly string[]): Promise<AggregatorProcess> {
    const aggregator = await AggregatorProcess.create(t, args);
    aggregator.start();
    await aggregator.serves();
    return aggregator;
  }

  /** Resolves when it answers. */
  async serves(): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      const answers = await fetch(`${this.url}/healthz`, { signal: AbortSignal.timeout(1000) }).then(
        (response) => response.ok,
        () => false,
      );
      if (answers) return;
      if (!this.isRunning) throw new Error(`sonde aggregate ended:\n${this.output}`);
      if (Date.now() > deadline) throw new Error(`sonde aggregate does not serve:\n${this.output}`);
      await sleep(100);
    }
  }
}
