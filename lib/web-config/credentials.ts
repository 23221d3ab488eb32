import { createHmac, randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';

/** Answers remembered, of either kind: whoever guesses must not make it grow, nor drive out those who know. */
const MAX_KNOWN = 256;
/** Comparisons that run or wait; they take turns. */
const MAX_WAITING = 16;
/** Wrong answers an address may give within this time, not counting those that are known. */
const MAX_WRONG = 10;
const WRONG_WINDOW_MS = 60_000;
const MAX_ADDRESSES = 1024;

export type Verdict = 'right' | 'wrong' | 'later';

export interface CredentialsOptions {
  /** bcrypt hashes by user. */
  readonly users: ReadonlyMap<string, string>;
  /** A clock that only goes forward, in milliseconds. */
  readonly now?: () => number;
  readonly compare?: (password: string, hash: string) => Promise<boolean>;
}

interface Wrong {
  readonly since: number;
  count: number;
}

/** Who may log in. Answers are remembered under a keyed digest, so that only the first request of a client costs a comparison. */
export class Credentials {
  readonly #users: ReadonlyMap<string, string>;
  readonly #now: () => number;
  readonly #compare: (password: string, hash: string) => Promise<boolean>;
  readonly #secret = randomBytes(32);
  /** Digests; the oldest first. */
  readonly #known = { right: new Set<string>(), wrong: new Set<string>() };
  readonly #underWay = new Map<string, Promise<boolean>>();
  readonly #wrong = new Map<string, Wrong>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor({ users, now = () => performance.now(), compare = compareInWorker }: CredentialsOptions) {
    this.#users = users;
    this.#now = now;
    this.#compare = compare;
  }

  /** `later`: too much is being tried, by this address or by all. Takes as long for a user that there is not as for one that there is. */
  async verify(user: string, password: string, address: string): Promise<Verdict> {
    // Of the key nobody knows anything, so how long it takes to find a digest tells nothing, either.
    const digest = createHmac('sha256', this.#secret)
      .update(JSON.stringify([user, password]))
      .digest('base64');
    if (this.#known.right.has(digest)) return 'right';
    if (this.#known.wrong.has(digest)) return 'wrong';
    if (this.#isBarred(address)) return 'later';
    const underWay = this.#underWay.get(digest);
    if (underWay !== undefined) return verdict(await underWay);
    if (this.#underWay.size >= MAX_WAITING) return 'later';
    const attempt = this.#attempt(user, password, digest);
    this.#underWay.set(digest, attempt);
    const isRight = await attempt;
    if (!isRight) this.#count(address);
    return verdict(isRight);
  }

  async #attempt(user: string, password: string, digest: string): Promise<boolean> {
    const hash = this.#users.get(user);
    const compared = this.#turn.then(() => this.#compare(password, hash ?? this.#anyHash()));
    this.#turn = compared.catch(() => undefined); // who asked for it hears of it
    try {
      const isRight = (await compared) && hash !== undefined;
      this.#remember(digest, isRight);
      return isRight;
    } finally {
      this.#underWay.delete(digest);
    }
  }

  #anyHash(): string {
    return [...this.#users.values()][0]!;
  }

  #remember(digest: string, isRight: boolean): void {
    const known = this.#known[verdict(isRight)];
    if (known.size >= MAX_KNOWN) known.delete(known.keys().next().value!);
    known.add(digest);
  }

  #isBarred(address: string): boolean {
    const wrong = this.#wrong.get(address);
    if (wrong === undefined) return false;
    if (this.#now() - wrong.since < WRONG_WINDOW_MS) return wrong.count >= MAX_WRONG;
    this.#wrong.delete(address);
    return false;
  }

  #count(address: string): void {
    const wrong = this.#wrong.get(address);
    if (wrong !== undefined) {
      wrong.count++;
      return;
    }
    if (this.#wrong.size >= MAX_ADDRESSES) this.#wrong.delete(this.#wrong.keys().next().value!);
    this.#wrong.set(address, { since: this.#now(), count: 1 });
  }
}

function verdict(isRight: boolean): 'right' | 'wrong' {
  return isRight ? 'right' : 'wrong';
}

function compareInWorker(password: string, hash: string): Promise<boolean> {
  const worker = new Worker(new URL('./bcrypt-worker.js', import.meta.url), { workerData: { password, hash } });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the comparison of a password was broken off')));
  });
}
