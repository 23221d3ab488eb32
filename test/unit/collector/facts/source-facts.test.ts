import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostAnswers } from '../../../../collector/facts/host-answers.js';
import { SourceFacts } from '../../../../collector/facts/source-facts.js';
import type { DecoderName } from '../../../../wire/config/schema.js';
import type { Field } from '../../../../wire/layout/fields.js';

function field(offset: number, size: number, ...decoders: DecoderName[]): Field {
  return {
    name: `at_${offset}`,
    offset,
    size,
    type: null,
    decoders: decoders.map((name) => ({ name, allowUnknown: false, regexps: [] })),
  };
}

interface Fixture {
  readonly facts: SourceFacts;
  readonly asked: bigint[];
  now: number;
}

/** A symbol of 8 bytes, a device of 4; the host knows no 404, and everything else. */
function create(fields = [field(0, 8, 'ksym'), field(8, 4, 'uint', 'majorminor')]): Fixture {
  const asked: bigint[] = [];
  const ksym = {
    answer: (address: bigint) => {
      asked.push(address);
      return Promise.resolve(address === 404n ? undefined : Buffer.from(`function_${address}`));
    },
  };
  const majorminor = { answer: (dev: bigint) => Promise.resolve(`sd${dev}`) };
  const fixture = { asked, now: 0 } as { -readonly [K in keyof Fixture]: Fixture[K] };
  fixture.facts = new SourceFacts(fields, new HostAnswers({ ksym, majorminor }), () => fixture.now);
  return fixture;
}

/** Records of 12 bytes, which take 16. */
function records(...pairs: [bigint, number][]): [Uint8Array, Uint32Array, number] {
  const data = new DataView(new ArrayBuffer(pairs.length * 16));
  pairs.forEach(([address, dev], i) => {
    data.setBigUint64(i * 16, address, true);
    data.setUint32(i * 16 + 8, dev, true);
  });
  return [new Uint8Array(data.buffer), new Uint32Array(pairs.length).fill(12), pairs.length];
}

async function said(facts: SourceFacts): Promise<string[]> {
  const bodies = await facts.take(assert.ifError);
  return bodies.flatMap((body) => {
    assert.equal(body.case, 'lookup');
    const { kind, ids = [], names = [] } = body.value as { kind: string; ids: bigint[]; names: Uint8Array[] };
    return ids.map((id, i) => `${kind} ${id} ${Buffer.from(names[i]!).toString()}`);
  });
}

test('each number is looked up and said once, of keys as of records', async () => {
  const { facts, asked } = create();
  assert.ok(facts.isNeeded && !facts.isPending);
  facts.noteRecords(...records([1n, 8], [2n ** 64n - 1n, 8], [1n, 9]));
  assert.ok(facts.isPending);
  assert.deepEqual(await said(facts), [
    'ksym 1 function_1',
    `ksym ${2n ** 64n - 1n} function_${2n ** 64n - 1n}`,
    'majorminor 8 sd8',
    'majorminor 9 sd9',
  ]);
  facts.noteRecords(...records([1n, 9], [1n, 8]));
  facts.noteKey(records([9n, 9], [2n ** 64n - 1n, 8])[0], 16);
  assert.ok(!facts.isPending);
  facts.renew();
  facts.noteKey(records([9n, 9], [1n, 8])[0], 16);
  assert.deepEqual(await said(facts), ['ksym 1 function_1', 'majorminor 8 sd8']);
  assert.deepEqual(asked, [1n, 2n ** 64n - 1n, 1n]);
});

test('a cgroup is looked up once, however often its number comes', async () => {
  const asked: bigint[] = [];
  const cgroup = {
    answer: (id: bigint) => {
      asked.push(id);
      return Promise.resolve(`/slice-${id}`);
    },
  };
  const facts = new SourceFacts([field(0, 8, 'uint', 'cgroup')], new HostAnswers({ cgroup }), () => 0);
  facts.noteRecords(...records([5n, 0], [6n, 0], [5n, 0]));
  assert.deepEqual(await said(facts), ['cgroup 5 /slice-5', 'cgroup 6 /slice-6']);
  for (let read = 0; read < 3; read++) {
    facts.noteKey(records([5n, read])[0], 0);
    assert.ok(!facts.isPending);
  }
  assert.deepEqual(asked, [5n, 6n]);
});

test('what the host does not know is left out, and asked again after a second', async () => {
  const fixture = create([field(0, 8, 'ksym')]);
  const { facts, asked } = fixture;
  facts.noteRecords(...records([404n, 0], [1n, 0]));
  assert.deepEqual(await said(facts), ['ksym 1 function_1']);
  facts.noteRecords(...records([404n, 0]));
  assert.ok(!facts.isPending, 'not for every record');
  fixture.now = 1000;
  facts.noteRecords(...records([404n, 0]));
  await facts.take(assert.ifError);
  assert.deepEqual(asked, [404n, 1n, 404n]);
});

test('of keys, which are noted once, what the host did not know is asked again, and said when it knows', async () => {
  const names = new Map([[7n, 'lo']]);
  const asked: bigint[] = [];
  const ifname = {
    answer: (id: bigint) => {
      asked.push(id);
      return Promise.resolve(names.get(id));
    },
  };
  let now = 0;
  const facts = new SourceFacts([field(0, 4, 'ifname')], new HostAnswers({ ifname }), () => now);
  facts.noteKey(Uint8Array.of(9, 0, 0, 0, 7, 0, 0, 0), 0);
  facts.noteKey(Uint8Array.of(9, 0, 0, 0, 7, 0, 0, 0), 4);
  facts.askDue();
  assert.deepEqual(await said(facts), ['ifname 7 lo']);
  facts.askDue();
  assert.ok(!facts.isPending, 'not twice a second');
  now = 1000;
  facts.askDue();
  assert.deepEqual(await said(facts), []);
  names.set(9n, 'eth9');
  now = 2000;
  facts.askDue();
  assert.deepEqual(await said(facts), ['ifname 9 eth9']);
  now = 1e9;
  facts.askDue();
  assert.deepEqual(asked, [9n, 7n, 9n, 9n], 'what is known and stands is not asked again');
});

test('an answer that no longer stands is asked for again, and said when it is another; one that is gone leaves the last', async () => {
  const answers: (string | undefined)[] = ['eth0', 'eth0', 'wan0', undefined, 'wan0', 'eth0'];
  const ifname = { answer: () => Promise.resolve(answers.shift()), standsMs: 10_000 };
  let now = 0;
  const facts = new SourceFacts([field(0, 4, 'ifname')], new HostAnswers({ ifname }), () => now);
  const key = Uint8Array.of(2, 0, 0, 0);
  const heard: string[][] = [];
  for (; answers.length > 0; now += 10_000) {
    facts.noteKey(key, 0);
    heard.push(await said(facts));
    now += 5000;
    facts.noteKey(key, 0);
    assert.equal(facts.isPending, answers.length === 2, 'only what the host did not know is asked for earlier');
    facts.askDue();
    if (answers.length === 2) heard.push(await said(facts));
  }
  assert.deepEqual(heard, [['ifname 2 eth0'], [], ['ifname 2 wan0'], [], [], ['ifname 2 eth0']]);
});

test('of a stack all addresses up to the first 0 are looked up, each once', async () => {
  const asked: bigint[] = [];
  const kstack = {
    answer: (address: bigint) => {
      asked.push(address);
      return Promise.resolve(address === 3n ? undefined : `at_${address}`);
    },
  };
  const facts = new SourceFacts([field(8, 32, 'kstack')], new HostAnswers({ kstack }));
  const stacks = new BigUint64Array([9n, 1n, 2n, 3n, 4n, 9n, 2n, 5n, 0n, 6n]);
  facts.noteRecords(new Uint8Array(stacks.buffer), Uint32Array.of(40, 40), 2);
  assert.deepEqual(await said(facts), ['kstack 1 at_1', 'kstack 2 at_2', 'kstack 4 at_4', 'kstack 5 at_5']);
  assert.deepEqual(asked, [1n, 2n, 3n, 4n, 5n]);
  facts.noteKey(new Uint8Array(stacks.buffer), 40);
  assert.ok(!facts.isPending);
  const number = new SourceFacts([field(0, 4, 'uint', 'kstack')], new HostAnswers({ kstack }));
  number.noteKey(Uint8Array.of(7, 0, 0, 0, 8), 0);
  assert.deepEqual(await said(number), ['kstack 7 at_7']);
});

test('records that are too short for a field need nothing there', async () => {
  const { facts } = create();
  const [data] = records([1n, 8], [2n, 9]);
  facts.noteRecords(data, Uint32Array.of(11, 12), 2);
  assert.deepEqual(await said(facts), ['ksym 1 function_1', 'ksym 2 function_2', 'majorminor 9 sd9']);
});

test('two labels of one field are looked up once; other labels are none of its business', async () => {
  const { facts } = create([field(0, 4, 'ksym'), field(0, 4, 'uint', 'ksym'), field(4, 4, 'uint')]);
  facts.noteRecords(...records([7n, 0]));
  assert.deepEqual(await said(facts), ['ksym 7 function_7']);
  assert.ok(!create([field(0, 4, 'hex')]).facts.isNeeded);
});

test('many facts go in several frames', async () => {
  const { facts } = create([field(0, 8, 'ksym')]);
  const count = 40_000;
  facts.noteRecords(...records(...Array.from({ length: count }, (_, i): [bigint, number] => [BigInt(i + 1000), 0])));
  const bodies = await facts.take(assert.ifError);
  assert.ok(bodies.length > 2);
  const lookups = bodies.map((body) => body.value as { ids: bigint[]; names: Uint8Array[] });
  assert.equal(new Set(lookups.flatMap(({ ids }) => ids)).size, count);
  for (const { names } of lookups) assert.ok(names.reduce((sum, { length }) => sum + length, 0) <= 256 * 1024);
});

test('what could not be looked up is still to be said, and holds nothing else up', async () => {
  let fails = true;
  const ksym = { answer: () => (fails ? Promise.reject(new Error('EACCES')) : Promise.resolve('f')) };
  const ifname = { answer: () => Promise.resolve('lo') };
  const facts = new SourceFacts([field(0, 8, 'ksym'), field(8, 4, 'ifname')], new HostAnswers({ ksym, ifname }));
  facts.noteRecords(...records([1n, 1]));
  const errors: unknown[] = [];
  assert.deepEqual(
    (await facts.take((error) => errors.push(error))).map((body) => (body.value as { kind: string }).kind),
    ['ifname'],
  );
  assert.match(String(errors), /^Error: EACCES$/);
  fails = false;
  assert.deepEqual(await said(facts), ['ksym 1 f']);
});
