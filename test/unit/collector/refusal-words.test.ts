import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';
import { explainRefusal } from '../../../collector/probe/explain.js';
import { NativeError } from '../../../native/error.js';

interface Case {
  readonly section: string;
  readonly code: string;
  readonly operation?: string;
  readonly message?: string;
  readonly map?: string;
  /** As libbpf 1.1 printed it. */
  readonly log: string;
  readonly says: string;
}

const CASES: readonly Case[] = [
  { section: 'fentry/tcp_connect', code: 'EPERM', log: '', says: 'fentry is not permitted by this kernel' },
  { section: '?lsm.s/file_open', code: 'EPERM', log: '', says: 'lsm is not permitted by this kernel' },
  {
    section: 'tp_btf/none',
    code: 'ESRCH',
    log: "libbpf: prog 'a': failed to find kernel BTF type ID of 'none': -3\n",
    says: 'this kernel has no tracepoint none',
  },
  {
    section: 'raw_tp/sys_enter',
    code: 'EACCES',
    log: `libbpf: prog 'a': BPF program load failed: Permission denied
libbpf: prog 'a': -- BEGIN PROG LOAD LOG --
0: R1=ctx() R10=fp0
; *value += 1;
7: (79) r1 = *(u64 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
-- END PROG LOAD LOG --
libbpf: prog 'a': failed to load: -13
libbpf: failed to load object 'x'
`,
    says: "verifier: R0 invalid mem access 'map_value_or_null'",
  },
  {
    section: 'raw_tp/sys_enter',
    code: 'E2BIG',
    map: 'rows',
    message: "cannot load BPF object x, map 'rows': Argument list too long (E2BIG)",
    log: "libbpf: map 'rows': failed to create: Argument list too long(-7)\nlibbpf: failed to load object 'x'\n",
    says: 'map rows cannot be made: Argument list too long (E2BIG)',
  },
  {
    section: 'whatever/x',
    code: 'EINVAL',
    log: "libbpf: prog 'a': missing BPF prog type, check ELF section name 'whatever/x'\nlibbpf: prog 'a': failed to load: -22\nlibbpf: failed to load object 'x'\n",
    says: 'section whatever/x is of no kind that this version of Sonde attaches',
  },
  {
    section: 'uprobe//no/such/file:func',
    code: 'ENOENT',
    operation: 'attach',
    log: 'libbpf: failed to open /no/such/file: No such file or directory\n',
    says: 'attach: failed to open /no/such/file: No such file or directory',
  },
  {
    section: 'tracepoint/no/such',
    code: 'ENOENT',
    operation: 'attach',
    log: "libbpf: failed to determine tracepoint 'no/such' perf event ID: No such file or directory\n",
    // Without tracefs nothing is known of the tracepoint itself.
    says: existsSync('/sys/kernel/tracing/events')
      ? 'this kernel has no tracepoint no/such'
      : 'tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing',
  },
  {
    section: 'xdp',
    code: 'EINVAL',
    log: "libbpf: something it says\nlibbpf: prog 'a': failed to load: -22\nlibbpf: failed to load object 'x'\n",
    says: 'load: something it says',
  },
];

for (const { section, code, operation = 'load', message = 'refused', map = '', log, says } of CASES) {
  test(says, () => {
    const error = new NativeError(message, { code, errno: 1, operation, object: 'x', program: 'a', map, log });
    assert.equal(explainRefusal(error, section), says);
  });
}
