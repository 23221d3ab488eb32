import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { packageRoot } from '../harness/root.js';

/** Result of one run of the C program. */
export interface BaselineRun {
  readonly ns: number;
  readonly count: number;
}

/** `native-baseline.c`, compiled now and running over one map. */
export class NativeBaseline {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;

  constructor(mapId: number) {
    const root = packageRoot();
    const folder = join(root, '.cache', 'bench');
    mkdirSync(folder, { recursive: true });
    const program = join(folder, 'native-baseline');
    const source = join(root, 'test', 'bench', 'native-baseline.c');
    execFileSync('cc', ['-O2', '-Wall', '-o', program, source, '-lbpf'], { stdio: 'inherit' });
    this.#child = spawn(program, [String(mapId)], { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#child.stdout === null) throw new Error('no pipe to the baseline');
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  async run(command: 'ring' | 'batch' | 'walk'): Promise<BaselineRun> {
    this.#child.stdin?.write(`${command}\n`);
    const answer = await this.#answers.next();
    if (answer.done === true) throw new Error('the baseline ended');
    const [ns = NaN, count = NaN] = answer.value.split(' ').map(Number);
    return { ns, count };
  }

  close(): void {
    this.#child.stdin?.end();
    this.#lines.close();
  }
}
