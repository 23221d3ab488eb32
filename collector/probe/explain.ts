import { existsSync } from 'node:fs';
import type { NativeErrorFields } from '../../native/types.js';

/** The kernel's refusal of a program, in one line of plain words. `section`: the program's ELF section. */
export function explainRefusal(error: NativeErrorFields & Error, section: string): string {
  const kind = section.split('/')[0]!.replace(/^\?/, '').replace(/\.s$/, '');
  const target = section.slice(section.indexOf('/') + 1);
  const missing =
    /failed to find (?:kernel )?BTF type ID of '([^']+)'|'([^']+)' is not found in (?:vmlinux|kernel) BTF/.exec(
      error.log,
    );
  if (missing !== null) return `this kernel has no ${targetNoun(kind)} ${missing[1] ?? missing[2]}`;
  const unknown = /missing BPF prog type, check ELF section name '([^']+)'/.exec(error.log);
  if (unknown !== null) return `section ${unknown[1]} is of no kind that this version of Sonde attaches`;
  if (error.map !== '') return `map ${error.map} cannot be made: ${error.message.split(': ').at(-1)}`;
  if (/kprobe|kretprobe|ksyscall/.test(kind) && !hasKprobes()) return 'no kprobes in this kernel';
  const verdict = lastVerifierLine(error.log);
  if (verdict !== undefined) return `verifier: ${verdict}`;
  if (error.code === 'EPERM' || error.code === 'EACCES') return `${kind} is not permitted by this kernel`;
  if (error.code === 'ENOENT' && /^(tp|tracepoint)$/.test(kind) && !existsSync('/sys/kernel/tracing/events')) {
    return 'tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing';
  }
  const isOfUserSpace = /^(uprobe|uretprobe|usdt)/.test(kind);
  if (!isOfUserSpace && (error.code === 'ENOENT' || error.code === 'ESRCH'))
    return `this kernel has no ${targetNoun(kind)} ${target}`;
  if (error.code === 'EOPNOTSUPP' || error.code === 'ENOTSUPP' || error.code === 'ENOTSUP')
    return `${kind} is not supported by this kernel`;
  return `${error.operation}: ${lastLibbpfLine(error.log) ?? error.message}`;
}

function targetNoun(kind: string): string {
  return /^(tp|raw_tp|tp_btf|tracepoint|raw_tracepoint)$/.test(kind) ? 'tracepoint' : 'function';
}

/** The PMU that libbpf attaches kprobes through (kernel/trace/trace_event_perf.c); tracefs' file is the older way. */
function hasKprobes(): boolean {
  return [
    '/sys/bus/event_source/devices/kprobe',
    '/sys/kernel/tracing/kprobe_events',
    '/sys/kernel/debug/tracing/kprobe_events',
  ].some((path) => existsSync(path));
}

/** The last line of the verifier's log that says something: statistics and libbpf's frame left out. */
function lastVerifierLine(log: string): string | undefined {
  const logs = [...log.matchAll(/-- BEGIN PROG LOAD LOG --\n([^]*?)-- END PROG LOAD LOG --/g)];
  const lines = logs.at(-1)?.[1]?.split('\n') ?? [];
  return lines
    .map((line) => line.trim())
    .findLast((line) => line !== '' && !/^(processed \d+ insns|verification time|stack depth|max_states)/.test(line));
}

/** The last thing libbpf says that is more than that it failed. */
function lastLibbpfLine(log: string): string | undefined {
  return log
    .split('\n')
    .map((line) => line.replace(/^libbpf: /, '').trim())
    .findLast((line) => line !== '' && !/failed to load object |: failed to load: -\d+$/.test(line));
}
