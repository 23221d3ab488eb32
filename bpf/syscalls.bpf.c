// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* System calls, by number, and those that failed, by error. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "compat.bpf.h"
#include "map.bpf.h"

#define MAX_ERRNO 4095

/* Process (tgid) or cgroup (id) whose calls are counted; 0: all. */
const volatile u32 filter_tgid = 0;
const volatile u64 filter_cgroup = 0;

/*
 * 1024: there are below 500 numbers; a call with a number that is none is counted, too, as programs may try any. Per CPU:
 * nothing in a kernel happens more often.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, u64);
} syscalls_total SEC(".maps");

/* 256: the kernel has some 150 errors, a few more that stay inside it. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u64);
} syscall_errors_total SEC(".maps");

static __always_inline bool is_wanted(void)
{
	if (filter_tgid && filter_tgid != bpf_get_current_pid_tgid() >> 32)
		return false;
	return !filter_cgroup || filter_cgroup == bpf_get_current_cgroup_id();
}

SEC("tp_btf/sys_enter")
int BPF_PROG(syscall_begins, struct pt_regs *regs, long number)
{
	/* 32-bit programs have numbers of their own, which mean other calls. */
	u32 key = is_compat_syscall() ? COMPAT_SYSCALL : (u32)number;

	if (is_wanted())
		map_add(&syscalls_total, &key, 1);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(syscall_ends, struct pt_regs *regs, long result)
{
	u32 key = -result;

	if (result < 0 && result >= -MAX_ERRNO && is_wanted())
		map_add(&syscall_errors_total, &key, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
