import { existsSync } from 'node:fs';
import type { NativeErrorFields } from '../../native/types.js';

/**
 * The kernel's refusal of a program, in one line of plain words.
 * @param section the program's ELF section.
 * @param mapType of the map that the error names.
 */
export function explainRefusal(error: NativeErrorFields & Error, section: string, mapType?: string): string {
  const kind = sectionKind(section);
  const target = section.slice(section.indexOf('/') + 1);
  const missing =
    /failed to find (?:kernel )?BTF type ID of '([^']+)'|'([^']+)' is not found in (?:vmlinux|kernel) BTF/.exec(
      error.log,
    );
  if (missing !== null) return `this kernel has no ${targetNoun(kind)} ${missing[1] ?? missing[2]}`;
  const unknown = /missing BPF prog type, check ELF section name '([^']+)'/.exec(error.log);
  if (unknown !== null) return `section ${unknown[1]} is of no kind that this version of Sonde attaches`;
  if (error.map !== '') {
    const map = mapType === undefined ? error.map : `${error.map} of type ${mapType}`;
    return `map ${map} cannot be made: ${error.message.split(': ').at(-1)}${error.code === 'EINVAL' ? ', as for a type that this kernel does not know' : ''}`;
  }
  if (/^k(ret)?(probe|syscall)/.test(kind) && !hasKprobes()) return 'no kprobes in this kernel';
  const verdict = lastVerifierLine(error.log);
  if (verdict !== undefined) return `verifier: ${verdict}`;
  if (error.code === 'EPERM' || error.code === 'EACCES') return `${kind} is not permitted by this kernel`;
  if (error.code === 'ENOENT' && /^(tp|tracepoint)$/.test(kind) && !existsSync('/sys/kernel/tracing/events')) {
    return 'tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing';
  }
  const own = section === kind ? undefined : explainOwnSection(error.code, kind, target);
  if (own !== undefined) return own;
  // libbpf says nothing only when it has no way to attach such a program.
  if (error.operation === 'attach' && error.code === 'EOPNOTSUPP' && error.log === '')
    return `${section} does not say what to attach to: programs of this kind are not attached by themselves`;
  const isOfUserSpace = /^(uprobe|uretprobe|usdt)/.test(kind);
  if (!isOfUserSpace && (error.code === 'ENOENT' || error.code === 'ESRCH'))
    return `this kernel has no ${targetNoun(kind)} ${target}`;
  if (error.code === 'EOPNOTSUPP' || error.code === 'ENOTSUPP' || error.code === 'ENOTSUP')
    return `${kind} is not supported by this kernel`;
  return `${error.operation}: ${lastLibbpfLine(error.log) ?? error.message}`;
}

/** What comes before the first slash, such as `fentry`, whether it is loaded by default or may sleep. */
export function sectionKind(section: string): string {
  return section.split('/')[0]!.replace(/^\?/, '').replace(/\.s$/, '');
}

/** Sections that the addon attaches by itself. `target`: what follows the first slash. */
function explainOwnSection(code: string, kind: string, target: string): string | undefined {
  if (kind === 'xdp' && code === 'ENODEV') return `there is no network interface ${target}`;
  if (kind === 'xdp' && code === 'EBUSY') return `another XDP program is on ${target}`;
  if (kind !== 'perf_event') return undefined;
  if (code === 'INVALID_ARGUMENT') return `perf_event/${target} is not perf_event/type=N,config=N,frequency=N`;
  if (code === 'EINVAL') {
    return `the kernel refuses the perf event ${target}: frequency may be above kernel.perf_event_max_sample_rate`;
  }
  if (!['ENOENT', 'ENODEV', 'EOPNOTSUPP'].includes(code)) return undefined;
  return `a CPU here has no perf event ${target}: virtual machines often have no PMU`;
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

/**
 * The last line of the verifier's log that says something: statistics and libbpf's frame left out. Of a long log only the end is
 * kept, so that it may have no beginning.
 */
function lastVerifierLine(log: string): string | undefined {
  const end = log.lastIndexOf('-- END PROG LOAD LOG --');
  const lines = end < 0 ? [] : log.slice(0, end).split('\n');
  return lines
    .slice(lines.findLastIndex((line) => line.includes('-- BEGIN PROG LOAD LOG --')) + 1)
    .map((line) => line.trim())
    .findLast((line) => line !== '' && !/^(processed \d+ insns|verification time|stack depth|max_states)/.test(line));
}

/** The last thing libbpf says that is more than that it failed. */
export function lastLibbpfLine(log: string): string | undefined {
  return log
    .split('\n')
    .map((line) => line.replace(/^libbpf: /, '').trim())
    .findLast((line) => line !== '' && !/failed to load object |: failed to load: -\d+$/.test(line));
}
