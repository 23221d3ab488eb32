import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { explainRefusal } from '../../../collector/probe/explain.js';

type Refusal = Parameters<typeof explainRefusal>[0];

function refusal(fields: Partial<Refusal>): Refusal {
  const error = new Error('refused') as Refusal;
  return Object.assign(
    error,
    { code: 'EINVAL', errno: 22, operation: 'load', object: 'o', program: 'p', map: '', log: '' },
    fields,
  );
}

const VERIFIER_LOG = `libbpf: prog 'p': BPF program load failed: Permission denied
libbpf: prog 'p': -- BEGIN PROG LOAD LOG --
0: R1=ctx() R10=fp0
; return *(int *)0;
0: (b7) r1 = 0                        ; R1_w=0
1: (61) r0 = *(u32 *)(r1 +0)
R1 invalid mem access 'scalar'
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
-- END PROG LOAD LOG --
libbpf: prog 'p': failed to load: -13`;

/** Empty but for the statistics: the kernel refused before it verified. */
const EMPTY_LOG = `libbpf: prog 'p': BPF program load failed: Operation not permitted
libbpf: prog 'p': -- BEGIN PROG LOAD LOG --
processed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
-- END PROG LOAD LOG --`;

test('a refusal is said in words', () => {
  const table: readonly (readonly [Partial<Refusal>, string, string])[] = [
    [{ code: 'EPERM', log: EMPTY_LOG }, 'fentry/tcp_connect', 'fentry is not permitted by this kernel'],
    [{ code: 'EACCES', log: VERIFIER_LOG }, 'raw_tp/sys_enter', "verifier: R1 invalid mem access 'scalar'"],
    // Of a long log only the end is kept.
    [{ code: 'EFAULT', log: VERIFIER_LOG.slice(90) }, 'raw_tp/sys_enter', "verifier: R1 invalid mem access 'scalar'"],
    [
      { code: 'ESRCH', log: "libbpf: prog 'p': failed to find kernel BTF type ID of 'no_such_function': -3" },
      'fentry/no_such_function',
      'this kernel has no function no_such_function',
    ],
    [
      { code: 'ESRCH', log: "libbpf: prog 'p': failed to find kernel BTF type ID of 'no_such_event': -3" },
      'tp_btf/no_such_event',
      'this kernel has no tracepoint no_such_event',
    ],
    [{ code: 'ENOENT', operation: 'attach' }, 'raw_tp/nothing', 'this kernel has no tracepoint nothing'],
    [
      { code: 'EOPNOTSUPP', operation: 'attach', log: "libbpf: prog 'p': failed to attach: Operation not supported" },
      'lsm/file_open',
      'lsm is not supported by this kernel',
    ],
    [
      { code: 'EOPNOTSUPP', operation: 'attach' },
      'tc',
      'tc does not say what to attach to: programs of this kind are not attached by themselves',
    ],
    [{ code: 'ENODEV', operation: 'attach' }, 'xdp/eth7', 'there is no network interface eth7'],
    [{ code: 'EBUSY', operation: 'attach' }, 'xdp/eth0', 'another XDP program is on eth0'],
    [
      { code: 'ENOENT', operation: 'attach' },
      'perf_event/type=0,config=3,frequency=99',
      'a CPU here has no perf event type=0,config=3,frequency=99: virtual machines often have no PMU',
    ],
    [
      { code: 'EINVAL', operation: 'attach' },
      'perf_event/type=1,config=0,frequency=9000000',
      'the kernel refuses the perf event type=1,config=0,frequency=9000000: frequency may be above kernel.perf_event_max_sample_rate',
    ],
    [
      { code: 'INVALID_ARGUMENT', errno: 0, operation: 'attach' },
      'perf_event/cycles',
      'perf_event/cycles is not perf_event/type=N,config=N,frequency=N',
    ],
    [
      { code: 'E2BIG', log: 'libbpf: map m: failed to create: Argument list too long\n' },
      'raw_tp/x',
      'load: map m: failed to create: Argument list too long',
    ],
    [{ code: 'EBUSY', log: '' }, 'xdp', 'load: refused'],
  ];
  for (const [fields, section, words] of table) assert.equal(explainRefusal(refusal(fields), section), words);
});

test('a map that cannot be made is named with its type', () => {
  const error = refusal({ map: 'stored', message: "cannot load o, map 'stored': Invalid argument (EINVAL)" });
  assert.equal(
    explainRefusal(error, 'tp_btf/sys_enter', 'cgrp_storage'),
    'map stored of type cgrp_storage cannot be made: Invalid argument (EINVAL), as for a type that this kernel does not know',
  );
});

test('kprobes that are missing altogether are told from a function that is', () => {
  const hasKprobes = existsSync('/sys/bus/event_source/devices/kprobe');
  for (const kind of ['kprobe', 'kretprobe', 'kprobe.multi', 'kretprobe.multi', 'ksyscall', 'kretsyscall']) {
    const words = explainRefusal(refusal({ code: 'ENOENT', operation: 'attach' }), `${kind}/tcp_connect`);
    assert.equal(words, hasKprobes ? 'this kernel has no function tcp_connect' : 'no kprobes in this kernel', kind);
  }
});
