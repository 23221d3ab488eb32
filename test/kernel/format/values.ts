import assert from 'node:assert/strict';
import test from 'node:test';
import { native } from '../../../native/index.js';
import { startMaps } from '../../harness/map-fixture.js';

/** `struct test_stats` of `values.bpf.c`, byte by byte as the C ABI has it. */
interface Stats {
  readonly bytes?: bigint;
  readonly balance?: bigint;
  readonly packets?: number;
  readonly level?: number;
  readonly small?: number;
  readonly tiny?: number;
}

const STATS_BYTES = 32;

function stats({ bytes = 0n, balance = 0n, packets = 0, level = 0, small = 0, tiny = 0 }: Stats): Uint8Array {
  const view = new DataView(new ArrayBuffer(STATS_BYTES));
  view.setBigUint64(0, bytes, true);
  view.setBigInt64(8, balance, true);
  view.setUint32(16, packets, true);
  view.setInt32(20, level, true);
  view.setUint16(24, small, true);
  view.setInt8(26, tiny);
  return new Uint8Array(view.buffer);
}

function u32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

function u64(value: bigint): Uint8Array {
  return new Uint8Array(new BigUint64Array([value]).buffer);
}

/** A per-CPU value: what `of` says of each possible CPU, padded to 8 bytes. */
function eachCpu(of: (cpu: number) => Uint8Array): Uint8Array {
  const values = Array.from({ length: native.possibleCpus() }, (_, cpu) => of(cpu));
  const stride = Math.ceil(values[0]!.length / 8) * 8;
  const bytes = new Uint8Array(values.length * stride);
  values.forEach((value, cpu) => bytes.set(value, cpu * stride));
  return bytes;
}

const KEY = 'labels: [{name: key}]';

/** Labels and values by BTF, of maps that the kernel keeps: here and in guests. */
export function valuesTests(): void {
  test('labels are what BTF says: nested structs, enums, bit-fields, signed numbers, bools, text and bytes', async (t) => {
    const names = ['addr', 'port', 'state', 'level', 'kind', 'depth', 'inbound', 'comm', 'mac'];
    const labels = names.map((name) => `{name: ${name}}`).join(', ');
    const { map, read } = await startMaps(
      t,
      'values',
      `metrics:
  counters:
    - {name: test_flows_total, map: test_flows, help: Flows, labels: [${labels}]}
    - name: test_states_total
      map: test_flows
      help: By what decoders make of the same members
      labels:
        - {name: level, member: level, decoders: [{name: uint}]}
        - {name: kind, member: kind, decoders: [{name: uint}, {name: static_map, static_map: {5: five}}]}
        - {name: state, member: state, decoders: [{name: uint}]}
`,
    );
    // src.addr, src.port and padding, state -1, level -3, kind 5 and depth 19, inbound, comm "nginx", mac.
    const key = [1, 2, 0, 0, 0x39, 0x30, 0, 0, 255, 255, 255, 255, 253, 255, 255, 255, 5 | (19 << 3), 1];
    const comm = [...Buffer.from('nginx\0')];
    map('test_flows').update(Uint8Array.from([...key, ...comm, 2, 0x42, 0xac, 0x11, 0, 3, 0, 0]), u64(2n ** 63n + 1n));
    const { samples } = await read();
    assert.deepEqual(samples, {
      'test_flows_total{addr="513",comm="nginx",depth="19",inbound="true",kind="5",level="-3",mac="0242ac110003",port="12345",state="TEST_DOWN"}':
        '9223372036854775809',
      'test_states_total{kind="five",level="4294967293",state="4294967295"}': '9223372036854775809',
    });
  });

  test('labels name members of elements of arrays', async (t) => {
    const { map, read } = await startMaps(
      t,
      'values',
      `metrics:
  counters:
    - name: test_nested_total
      map: test_nested
      help: Nested
      labels: [{name: port, member: 'ends[1].port'}, {name: cell, member: 'matrix[1][0]'}]
`,
    );
    const key = new DataView(new ArrayBuffer(24));
    key.setUint16(12, 443, true);
    // The padding behind it says nothing.
    key.setUint16(14, 7, true);
    key.setUint16(20, 9, true);
    map('test_nested').update(new Uint8Array(key.buffer), u64(3n));
    key.setUint16(14, 8, true);
    map('test_nested').update(new Uint8Array(key.buffer), u64(4n));
    assert.deepEqual((await read()).samples, { 'test_nested_total{cell="9",port="443"}': '7' });
  });

  test('one map gives a counter for each member of its values', async (t) => {
    for (const name of ['test_hash', 'test_lru', 'test_array']) {
      const isArray = name === 'test_array';
      const metric = (member: string): string =>
        `    - {name: ${name}_${member}_total, map: ${name}, value: ${member}, help: H, ${KEY}}\n`;
      const members = ['bytes', 'balance', 'packets', 'level', 'small', 'tiny'];
      const fixture = await startMaps(t, 'values', `metrics:\n  counters:\n${members.map(metric).join('')}`);
      const { map, read } = fixture;
      const of = async (member: string): Promise<string | undefined> =>
        (await read()).samples[`${name}_${member}_total{key="3"}`];
      const all = { bytes: 2n ** 64n - 1n, balance: 5n, packets: 2 ** 32 - 1, level: 7, small: 65_535, tiny: 127 };
      map(name).update(u32(3), stats(all));
      for (const member of members) {
        const expected = all[member as keyof typeof all].toString();
        assert.equal(await of(member), expected, `${name} ${member}`);
      }
      // One number that falls is another row of a hash: it begins anew in all of them.
      map(name).update(u32(3), stats({ ...all, small: 2 }));
      assert.equal(await of('small'), isArray ? '2' : '65537');
      assert.equal(await of('packets'), isArray ? '4294967295' : '8589934590');
      assert.equal(fixture.decodeErrors(), 0);
      // A counter cannot go below 0: the row counts what it did, and the fault is told.
      map(name).update(u32(4), stats({ level: -1 }));
      assert.equal((await read()).samples[`${name}_level_total{key="4"}`], '0');
      assert.equal(fixture.decodeErrors(), 1);
    }
  });

  test('CPUs are added up member by member, in 64 bits', async (t) => {
    const cpus = BigInt(native.possibleCpus());
    const { map, read } = await startMaps(
      t,
      'values',
      `metrics:
  counters:
    - {name: test_bytes_total, map: test_percpu, value: bytes, help: H, ${KEY}}
    - {name: test_packets_total, map: test_percpu, value: packets, help: H, ${KEY}}
    - {name: test_tiny_total, map: test_percpu, value: tiny, help: H, ${KEY}}
    - {name: test_percpu_u32, help: A value below 8 bytes, ${KEY}}
`,
    );
    const most = { bytes: 2n ** 40n, packets: 2 ** 32 - 1 };
    map('test_percpu').update(
      u32(1),
      // Of the CPUs together it is not below 0.
      eachCpu((cpu) => stats({ ...most, tiny: cpu === 0 ? 100 : -1 })),
    );
    map('test_percpu_u32').update(
      u32(2),
      eachCpu(() => u32(2 ** 32 - 1)),
    );
    const { samples } = await read();
    assert.equal(samples['test_bytes_total{key="1"}'], `${cpus << 40n}`);
    assert.equal(samples['test_packets_total{key="1"}'], `${cpus * 0xffff_ffffn}`);
    assert.equal(samples['test_tiny_total{key="1"}'], `${101n - cpus}`);
    assert.equal(samples['test_percpu_u32{key="2"}'], `${cpus * 0xffff_ffffn}`);
  });

  test('values of 1 and 2 bytes', async (t) => {
    const { map, read } = await startMaps(
      t,
      'values',
      `metrics:
  counters:
    - {name: test_u16, help: H, ${KEY}}
    - {name: test_s8, help: H, labels: [{name: key, size: 4, decoders: [{name: uint}]}]}
`,
    );
    for (let key = 0; key < 5; key++) map('test_u16').update(u32(key), Uint8Array.from([key, 255]));
    map('test_s8').update(u32(6), Uint8Array.from([127]));
    assert.deepEqual((await read()).samples, {
      'test_s8{key="6"}': '127',
      ...Object.fromEntries([0, 1, 2, 3, 4].map((key) => [`test_u16{key="${key}"}`, `${0xff00 + key}`])),
    });
  });

  test('gauges of maps go up and down, below 0, and end with their rows', async (t) => {
    const { map, read } = await startMaps(
      t,
      'values',
      `metrics:
  gauges:
    - {name: test_balance, map: test_hash, value: balance, help: H, ${KEY}}
    - {name: test_small, map: test_hash, value: small, help: H, ${KEY}}
    - {name: test_all, map: test_hash, value: level, help: H, labels: [{name: key}], limits: {drop: [key]}}
    - {name: test_s8, help: H, ${KEY}}
    - {name: test_array_level, map: test_array, value: level, help: H, labels: [{name: key}], limits: {drop: [key]}}
`,
    );
    const series = async (): Promise<Record<string, string>> => {
      const { samples, types } = await read();
      assert.deepEqual(new Set(Object.values(types)), new Set(['gauge']));
      assert.equal(samples['test_array_level{}'], '0', 'rows of an array are there from the start');
      delete samples['test_array_level{}'];
      return samples;
    };
    assert.deepEqual(await series(), {});
    map('test_hash').update(u32(1), stats({ balance: -(2n ** 63n), small: 65_535, level: -5 }));
    map('test_hash').update(u32(2), stats({ level: 7 }));
    map('test_s8').update(u32(0), Uint8Array.from([0x80]));
    assert.deepEqual(await series(), {
      'test_balance{key="1"}': '-9223372036854775808',
      'test_balance{key="2"}': '0',
      'test_small{key="1"}': '65535',
      'test_small{key="2"}': '0',
      'test_all{}': '2',
      'test_s8{key="0"}': '-128',
    });
    map('test_hash').update(u32(1), stats({ balance: 9007199254740993n, small: 1 }));
    map('test_hash').delete(u32(2));
    map('test_s8').delete(u32(0));
    assert.deepEqual(await series(), {
      'test_balance{key="1"}': '9007199254740993',
      'test_small{key="1"}': '1',
      'test_all{}': '0',
    });
    map('test_hash').delete(u32(1));
    assert.deepEqual(await series(), {});
  });

  test('rows of a gauge with equal labels become their least, their greatest, or the one that changed last', async (t) => {
    const gauge = (aggregate: string): string =>
      `    - {name: test_${aggregate}, map: test_hash, value: level, aggregate: ${aggregate}, help: H, labels: [{name: key}], limits: {drop: [key]}}\n`;
    const { map, read } = await startMaps(
      t,
      'values',
      `metrics:\n  gauges:\n${['min', 'max', 'last'].map(gauge).join('')}`,
    );
    const set = (key: number, level: number): void => map('test_hash').update(u32(key), stats({ level }));
    const values = async (): Promise<(string | undefined)[]> => {
      const { samples } = await read();
      return [samples['test_min{}'], samples['test_max{}'], samples['test_last{}']];
    };
    set(1, 5);
    assert.deepEqual(await values(), ['5', '5', '5']);
    set(2, -3);
    assert.deepEqual(await values(), ['-3', '5', '-3']);
    // Neither is what was shown of the row before.
    set(1, 4);
    assert.deepEqual(await values(), ['-3', '4', '4']);
    set(2, 9);
    assert.deepEqual(await values(), ['4', '9', '9']);
    map('test_hash').delete(u32(2));
    assert.deepEqual(await values(), ['4', '4', '4']);
    map('test_hash').delete(u32(1));
    assert.deepEqual(await values(), [undefined, undefined, undefined]);
  });

  test('CPUs of a gauge become their sum, least or greatest, and last is refused', async (t) => {
    const gauge = (aggregate: string): string =>
      `    - {name: test_${aggregate}, map: test_percpu, value: level, aggregate: ${aggregate}, help: H, ${KEY}}\n`;
    const { map, read } = await startMaps(
      t,
      'values',
      `metrics:\n  gauges:\n${['sum', 'min', 'max'].map(gauge).join('')}`,
    );
    map('test_percpu').update(
      u32(1),
      eachCpu((cpu) => stats({ level: cpu === 0 ? -7 : cpu })),
    );
    const cpus = native.possibleCpus();
    assert.deepEqual((await read()).samples, {
      'test_sum{key="1"}': `${(cpus * (cpus - 1)) / 2 - 7}`,
      'test_min{key="1"}': '-7',
      'test_max{key="1"}': `${cpus === 1 ? -7 : cpus - 1}`,
    });
    await assert.rejects(
      startMaps(t, 'values', `metrics:\n  gauges:\n${gauge('last')}`),
      /which CPU of the per-CPU map test_percpu was the last to write nobody knows/,
    );
  });
}
