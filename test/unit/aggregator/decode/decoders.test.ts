import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecodeError } from '../../../../aggregator/decode/decoder.js';
import { Facts } from '../../../../aggregator/decode/facts.js';
import { compileChain } from '../../../../aggregator/decode/registry.js';
import type { DecoderConfig } from '../../../../wire/config/schema.js';

const facts = new Facts(20);
facts.set('kstack', 0xffffffff81000010n, Buffer.from('tcp_sendmsg'));
facts.set('kstack', 0xffffffff81000999n, Buffer.from('do_syscall_64'));
facts.set('ifname', 2n, Buffer.from('eth0'));
facts.set('pci_vendor', 0x8086n, Buffer.from('Intel Corporation'));
facts.set('pci_device', 0x80861237n, Buffer.from('440FX'));
facts.set('pci_class', 3n, Buffer.from('Display controller'));
facts.set('pci_subclass', 0x300n, Buffer.from('VGA compatible controller'));
facts.set('pci_subclass', 0x4201n, Buffer.from('unknown pci class: 0x42'));
facts.set('ksym', 0xffffffff81000000n, Buffer.from('tcp_retransmit_timer'));
facts.set('cgroup', 2n ** 33n + 5n, Buffer.from('/sys/fs/cgroup/system.slice/cron.service'));
facts.set('majorminor', (8n << 20n) | 1n, Buffer.from('sda1'));

type Step = DecoderConfig['name'] | DecoderConfig;

function decoded(
  steps: readonly Step[],
  bytes: readonly number[] | string,
  littleEndian = true,
  arch = 'x86_64',
): string | null {
  const chain = steps.map((step) =>
    typeof step === 'string' ? { name: step, allowUnknown: false, regexps: [] } : step,
  );
  const input = typeof bytes === 'string' ? Buffer.from(bytes) : Uint8Array.from(bytes);
  const output = compileChain(chain)(input, { facts, littleEndian, arch });
  return output === null ? null : Buffer.from(output).toString();
}

function staticMap(entries: Record<string, string>, allowUnknown = false): DecoderConfig {
  return { name: 'static_map', staticMap: new Map(Object.entries(entries)), allowUnknown, regexps: [] };
}

function regexp(...regexps: string[]): DecoderConfig {
  return { name: 'regexp', allowUnknown: false, regexps };
}

function stack(...addresses: bigint[]): number[] {
  return [...new Uint8Array(new BigUint64Array(addresses).buffer)];
}

/** Worked out by hand from CONFIG.md; IPv6 texts are those of Go's net.IP (RFC 5952). */
const TABLE: readonly (readonly [readonly Step[], readonly number[] | string, string])[] = [
  [['uint'], [0xfe], '254'],
  [['uint'], [0x01, 0x02], '513'],
  [['uint'], [0, 0, 0, 0x80], '2147483648'],
  [['uint'], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], '18446744073709551615'],
  [['hex'], [0x00, 0xab, 0x0f], '00ab0f'],
  [['string'], 'bash\0garbage', 'bash'],
  [['string'], 'no end', 'no end'],
  [['inet_ip'], [10, 0, 0, 255], '10.0.0.255'],
  [['inet_ip'], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 1, 2], '192.168.1.2'],
  [['inet_ip'], [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], '2001:db8::1'],
  [['inet_ip'], new Array<number>(16).fill(0), '::'],
  [['inet_ip'], [...new Array<number>(15).fill(0), 1], '::1'],
  [['inet_ip'], [0xfe, 0x80, ...new Array<number>(14).fill(0)], 'fe80::'],
  // Two runs of the same length: the first is shortened; a single zero group is not.
  [['inet_ip'], [0, 1, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0, 0, 0, 4], '1::2:3:0:0:4'],
  [['inet_ip'], [0, 1, 0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7], '1:0:2:3:4:5:6:7'],
  [['ksym'], [0, 0, 0, 0x81, 0xff, 0xff, 0xff, 0xff], 'tcp_retransmit_timer'],
  [['ksym'], [1, 0, 0, 0x81, 0xff, 0xff, 0xff, 0xff], 'unknown_addr:0xffffffff81000001'],
  [['uint', 'ksym'], [0, 0, 0, 0x81, 0xff, 0xff, 0xff, 0xff], 'tcp_retransmit_timer'],
  [['uint', 'cgroup'], [5, 0, 0, 0, 2, 0, 0, 0], '/sys/fs/cgroup/system.slice/cron.service'],
  [['uint', 'cgroup'], [5, 0, 0, 0, 0, 0, 0, 0], 'unknown_cgroup_id:5'],
  [['uint', 'cgroup'], [255, 255, 255, 255, 255, 255, 255, 255], 'unknown_cgroup_id:18446744073709551615'],
  [['majorminor'], [0x01, 0x00, 0x80, 0x00], 'sda1'],
  [['majorminor'], [0x02, 0x00, 0x80, 0x00], 'unknown:8:2'],
  [['majorminor'], [0x00, 0x00, 0xd0, 0x0f], 'unknown:253:0'],
  [['uint', staticMap({ 0: 'read', 1: 'write' })], [1, 0, 0, 0], 'write'],
  [['uint', staticMap({ 0: 'read' })], [7], 'unknown:7'],
  [['uint', staticMap({ 0: 'read' }, true)], [7], '7'],
  [['string', staticMap({ größe: 'size' })], 'größe\0', 'size'],
  [['kstack'], stack(0xffffffff81000010n, 0xffffffff81000999n), 'tcp_sendmsg\ndo_syscall_64'],
  [['kstack'], stack(0xffffffff81000011n, 0xffffffff81000999n), '??\ndo_syscall_64'],
  [['kstack'], stack(0xffffffff81000010n, 0n, 0xffffffff81000999n), 'tcp_sendmsg'],
  [['kstack'], stack(...new Array<bigint>(127).fill(1n)), new Array(127).fill('??').join('\n')],
  [['kstack'], stack(0n, 0n), ''],
  [['uint', 'kstack'], stack(0xffffffff81000010n), 'tcp_sendmsg'],
  [['kstack', regexp('^(.+)')], stack(0xffffffff81000010n, 1n), 'tcp_sendmsg'],
  [['ifname'], [2, 0, 0, 0], 'eth0'],
  [['ifname'], [0, 1, 0, 0], 'unknown:256'],
  [['uint', 'ifname'], [2], 'eth0'],
  [['ifname', staticMap({ eth0: 'uplink' })], [2, 0, 0, 0], 'uplink'],
  [['uint', 'pci_vendor'], [0x86, 0x80], 'Intel Corporation'],
  [['uint', 'pci_vendor'], [0x1c, 0], 'unknown pci vendor: 0x1c'],
  [['uint', 'pci_vendor'], [7], 'unknown pci vendor: 0x07'],
  [['uint', 'pci_device'], [0x37, 0x12, 0x86, 0x80], '440FX'],
  [['uint', 'pci_device'], [0x37, 0x12, 0x1c, 0], 'unknown pci device: 0x1c1237'],
  [['uint', 'pci_device'], [1, 0, 0, 0], 'unknown pci device: 0x0001'],
  [['uint', 'pci_class'], [3], 'Display controller'],
  [['uint', 'pci_class'], [0x42, 1], 'unknown pci class: 0x142'],
  [['uint', 'pci_class'], [4], 'unknown pci class: 0x04'],
  [['uint', 'pci_subclass'], [0, 3], 'VGA compatible controller'],
  [['uint', 'pci_subclass'], [0x7f, 3], 'unknown pci subclass: 0x7f (class 0x03)'],
  [['uint', 'pci_subclass'], [1, 0x42], 'unknown pci class: 0x42'],
  [['dname'], [7, ...Buffer.from('example'), 3, ...Buffer.from('com')], 'example.com'],
  [['dname'], [1, 0x2e, 3, 0x61, 0], '\x01.\x03a\0'],
  [['dname'], [2, 0x61, 0x62, 0], 'ab.'],
  [['dname'], [5, ...Buffer.from('com')], '\x05com'],
  [['dname'], [1, 0x61, 1], '\x01a\x01'],
  [['dname'], [0], '.'],
  [['dname'], [], '.'],
  [['string', 'dname'], [3, ...Buffer.from('org'), 0, 9, 9], 'org'],
  [['string', 'dname'], [0, 0, 0, 0], '.'],
  [['uint', 'errno'], [32, 0, 0, 0], 'EPIPE'],
  [['uint', 'errno'], [1], 'EPERM'],
  [['uint', 'errno'], [11], 'EAGAIN'],
  [['uint', 'errno'], [35], 'EDEADLK'],
  [['uint', 'errno'], [95], 'ENOTSUP'],
  [['uint', 'errno'], [133], 'EHWPOISON'],
  [['uint', 'errno'], [0], 'unknown:0'],
  [['uint', 'errno'], [41], 'unknown:41'],
  [['uint', 'errno'], [58], 'unknown:58'],
  [['uint', 'errno'], [0x00, 0x02], 'unknown:512'],
  [['uint', 'errno'], new Array<number>(8).fill(0xff), 'unknown:18446744073709551615'],
  [['string', 'errno'], '0032\0', 'EPIPE'],
  [['uint', 'syscall'], [0], 'read'],
  [['uint', 'syscall'], [59, 0, 0, 0], 'execve'],
  [['uint', 'syscall'], [202], 'futex'],
  [['uint', 'syscall'], [0x4e, 0x01], 'rseq'],
  [['uint', 'syscall'], [0x51, 0x01], 'unknown_syscall:337'],
  [['uint', 'syscall'], [0xa7, 0x01], 'unknown_syscall:423'],
  [['uint', 'syscall'], [0xa8, 0x01], 'pidfd_send_signal'],
  [['uint', 'syscall'], new Array<number>(8).fill(0xff), 'unknown_syscall:18446744073709551615'],
  [['string', regexp('^bash$')], 'bash\0', 'bash'],
  [['string', regexp('^/usr/bin/(.+)$', 's')], '/usr/bin/env', 'env'],
  [['string', regexp('zsh', 'sh')], 'bash', 'sh'],
  [['string', regexp('a(b)?c')], 'ac', ''],
  [['string', regexp('(b)(a)', '(a)(s)', 'h')], 'bash', 'h'],
  [['string', regexp('(?i)BASH')], 'bash', 'bash'],
  [['string', regexp('x*')], 'bash', ''],
  [['uint', regexp('^1(.)$'), staticMap({ 7: 'seven' })], [17], 'seven'],
];

test('a row whose text no pattern matches is skipped, without an error', () => {
  for (const [pattern, text] of [
    ['^ash', 'bash'],
    ['(b)(a)', 'bash'],
    ['^$', 'x'],
  ] as const) {
    assert.equal(decoded(['string', regexp(pattern)], text), null, pattern);
  }
  assert.equal(decoded(['string', regexp('^ash'), staticMap({})], 'bash'), null, 'what follows is not asked');
});

test('patterns see bytes that are no text as one character each, and hand them on as they are', () => {
  const output = (pattern: string, ...bytes: number[]): Uint8Array | null =>
    compileChain([regexp(pattern)])(Uint8Array.from(bytes), { facts, littleEndian: true, arch: '' });
  assert.deepEqual([...output('^a(.)b$', 0x61, 0xff, 0x62)!], [0xff]);
  assert.deepEqual([...output('^a(..)b$', 0x61, 0xe2, 0x82, 0x62)!], [0xe2, 0x82], 'a character that is cut off');
  assert.deepEqual([...output('^(.)$', 0xe2, 0x82, 0xac)!], [0xe2, 0x82, 0xac], 'one that is whole');
  assert.deepEqual([...output('[^a]+', 0x61, 0xc0, 0xaf)!], [0xc0, 0xaf]);
  assert.equal(output('^[a-z]+$', 0x61, 0x80), null);
});

test('system calls have the names of the host’s architecture', () => {
  // arch/arm64/include/uapi/asm/unistd.h takes the numbers of asm-generic.
  const cases: readonly (readonly [number, string, string])[] = [
    [0, 'read', 'io_setup'],
    [57, 'fork', 'close'],
    [59, 'execve', 'pipe2'],
    [79, 'getcwd', 'newfstatat'],
    [221, 'fadvise64', 'execve'],
    [435, 'clone3', 'clone3'],
    [462, 'mseal', 'mseal'],
    [334, 'rseq', 'unknown_syscall:334'],
  ];
  for (const [number, onX86, onArm] of cases) {
    const bytes = [number & 0xff, number >> 8];
    assert.equal(decoded(['uint', 'syscall'], bytes, true, 'x86_64'), onX86);
    assert.equal(decoded(['uint', 'syscall'], bytes, true, 'aarch64'), onArm);
    assert.equal(decoded(['uint', 'syscall'], bytes, true, 'constructor'), `unknown_syscall:${number}`);
  }
});

test('decimal text that is none is a DecodeError', () => {
  for (const name of ['errno', 'syscall'] as const) {
    for (const text of ['', '-1', '1 ', '0x1', '18446744073709551616']) {
      assert.throws(() => decoded(['string', name], text), DecodeError, `${name} of ${text}`);
    }
  }
});

test('decoders turn bytes into the texts of the format', () => {
  for (const [steps, bytes, text] of TABLE) assert.equal(decoded(steps, bytes), text, JSON.stringify(steps));
});

test('numbers of a big-endian host are read in its byte order; addresses are in network order everywhere', () => {
  for (const [steps, bytes, text] of [
    [['uint'], [0xfe], '254'],
    [['uint'], [0x01, 0x02], '258'],
    [['uint'], [0, 0, 0x01, 0], '256'],
    [['uint'], [0x80, 0, 0, 0, 0, 0, 0, 1], '9223372036854775809'],
    [['inet_ip'], [10, 0, 0, 255], '10.0.0.255'],
    [['ksym'], [0xff, 0xff, 0xff, 0xff, 0x81, 0, 0, 0], 'tcp_retransmit_timer'],
    [['uint', 'ksym'], [0xff, 0xff, 0xff, 0xff, 0x81, 0, 0, 0], 'tcp_retransmit_timer'],
    [['majorminor'], [0x00, 0x80, 0x00, 0x01], 'sda1'],
    [['uint', staticMap({ 1: 'write' })], [0, 0, 0, 1], 'write'],
  ] as const) {
    assert.equal(decoded(steps, bytes, false), text, JSON.stringify(steps));
  }
});

test('facts tell what was asked in vain, and when an answer has changed', () => {
  const told = new Facts(2);
  assert.equal(told.get('ksym', 1n), undefined);
  told.set('ksym', 1n, Buffer.from('one'));
  told.set('ksym', 1n, Buffer.from('one'));
  assert.deepEqual([told.misses, told.revision], [1, 0]);
  told.set('ksym', 1n, Buffer.from('two'));
  assert.equal(told.revision, 1);
  told.set('ksym', 2n, Buffer.from('2'));
  told.set('ksym', 3n, Buffer.from('3'));
  assert.equal(told.revision, 2, 'one is gone');
});

test('bytes of a wrong length are a DecodeError', () => {
  for (const [name, length] of [
    ['uint', 3],
    ['uint', 16],
    ['inet_ip', 5],
    ['ksym', 3],
    ['majorminor', 0],
  ] as const) {
    assert.throws(() => decoded([name], new Array<number>(length).fill(1)), DecodeError, `${name} of ${length}`);
  }
});

test('facts are bounded: the oldest goes first, counted', () => {
  const few = new Facts(2);
  for (const id of [1n, 2n, 1n, 3n]) few.set('ksym', id, Buffer.from(String(id)));
  assert.equal(few.get('ksym', 2n), undefined, 'the one that was longest not told');
  assert.equal(few.get('ksym', 1n)?.toString(), '1');
  assert.equal(few.evicted, 1);
});
