import assert from 'node:assert/strict';
import test from 'node:test';
import { Credentials } from '../../../../lib/web-config/credentials.js';

const USERS = new Map([
  ['ann', 'hash of a'],
  ['bob', 'hash of b'],
]);

/** Counts comparisons, and lets them end when the test says. */
class Comparisons {
  readonly asked: string[] = [];
  atOnce = 0;
  mostAtOnce = 0;

  readonly compare = async (password: string, hash: string): Promise<boolean> => {
    this.asked.push(`${password}/${hash}`);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    await new Promise((resolve) => setImmediate(resolve));
    this.atOnce--;
    return hash === `hash of ${password}`;
  };
}

function fixture(): { credentials: Credentials; comparisons: Comparisons; clock: { now: number } } {
  const comparisons = new Comparisons();
  const clock = { now: 0 };
  return {
    credentials: new Credentials({ users: USERS, compare: comparisons.compare, now: () => clock.now }),
    comparisons,
    clock,
  };
}

test('each answer costs one comparison, also when many ask at once', async () => {
  const { credentials, comparisons } = fixture();
  const ask = (password: string): Promise<string[]> =>
    Promise.all(Array.from({ length: 50 }, (_, i) => credentials.verify('ann', password, `192.0.2.${i}`)));
  assert.deepEqual(new Set(await ask('a')), new Set(['right']));
  assert.deepEqual(new Set(await ask('x')), new Set(['wrong']));
  assert.deepEqual(new Set(await ask('a')), new Set(['right']));
  assert.deepEqual(comparisons.asked, ['a/hash of a', 'x/hash of a']);
});

test('a user that there is not is compared, too, and is never right', async () => {
  const { credentials, comparisons } = fixture();
  assert.equal(await credentials.verify('eve', 'a', 'x'), 'wrong');
  assert.equal(comparisons.asked.length, 1);
  assert.equal(await credentials.verify('bob', 'a', 'x'), 'wrong');
  assert.equal(await credentials.verify('bob', 'b', 'x'), 'right');
});

test('user and password do not run into each other', async () => {
  const credentials = new Credentials({
    users: new Map([
      ['a', 'h'],
      ['a:b', 'h'],
    ]),
    compare: (password) => Promise.resolve(password === 'b:c'),
  });
  assert.equal(await credentials.verify('a', 'b:c', 'x'), 'right');
  assert.equal(await credentials.verify('a:b', 'c', 'x'), 'wrong');
});

test('comparisons take turns, and more than 16 do not wait', async () => {
  const { credentials, comparisons } = fixture();
  const verdicts = await Promise.all(
    Array.from({ length: 40 }, (_, i) => credentials.verify('ann', `x${i}`, `192.0.2.${i}`)),
  );
  assert.equal(comparisons.mostAtOnce, 1);
  assert.equal(verdicts.filter((verdict) => verdict === 'wrong').length, 16);
  assert.equal(verdicts.filter((verdict) => verdict === 'later').length, 24);
  assert.equal(await credentials.verify('ann', 'a', '192.0.2.1'), 'right');
});

test('an address that guesses ten times in a minute waits, and others do not', async () => {
  const { credentials, comparisons, clock } = fixture();
  assert.equal(await credentials.verify('bob', 'b', 'guesser'), 'right');
  for (let i = 0; i < 10; i++) assert.equal(await credentials.verify('ann', `x${i}`, 'guesser'), 'wrong');
  assert.equal(await credentials.verify('ann', 'a', 'guesser'), 'later');
  assert.equal(await credentials.verify('bob', 'b', 'guesser'), 'right', 'known');
  assert.equal(comparisons.asked.length, 11);
  assert.equal(await credentials.verify('ann', 'a', 'other'), 'right');
  clock.now = 60_000;
  assert.equal(await credentials.verify('ann', 'x10', 'guesser'), 'wrong');
});

test('guesses do not drive out who knows', async () => {
  const { credentials, comparisons } = fixture();
  await credentials.verify('ann', 'a', 'x');
  for (let i = 0; i < 2000; i++) await credentials.verify('ann', `x${i}`, `address ${i}`);
  const before = comparisons.asked.length;
  assert.equal(await credentials.verify('ann', 'a', 'x'), 'right');
  assert.equal(comparisons.asked.length, before);
});

test('a comparison that fails is told, and the next one is tried', async () => {
  let fails = true;
  const compare = (): Promise<boolean> => (fails ? Promise.reject(new Error('no thread')) : Promise.resolve(true));
  const credentials = new Credentials({ users: USERS, compare });
  await assert.rejects(credentials.verify('ann', 'a', 'x'), /no thread/);
  fails = false;
  assert.equal(await credentials.verify('ann', 'a', 'x'), 'right');
});

test('real hashes are compared in a thread of their own', async () => {
  // By the C library's crypt(3); $2y$ is what htpasswd calls the same.
  const hash = '$2b$04$JTmCGAqsb1SL5qjlvaz8ie6pkJYPoU5C8eSso4BcQXPZGPDeIi/iG';
  const credentials = new Credentials({
    users: new Map([
      ['ann', hash],
      ['bob', hash.replace('$2b', '$2y')],
    ]),
  });
  assert.equal(await credentials.verify('ann', 'opensesame', 'x'), 'right');
  assert.equal(await credentials.verify('bob', 'opensesame', 'x'), 'right');
  assert.equal(await credentials.verify('ann', 'opensesame ', 'x'), 'wrong');
});
