// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Calls of malloc() in this machine's libc, by cgroup: a probe on a function in user space. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "map.bpf.h"

/* Process (tgid) or cgroup (id) whose calls are counted; 0: all. */
const volatile u32 filter_tgid = 0;
const volatile u64 filter_cgroup = 0;

/*
 * By cgroup id. LRU: cgroups come and go without end; 4096 of them at a time. Per CPU, because processes call malloc()
 * millions of times a second.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u64);
} libc_malloc_calls_total SEC(".maps");

/* libbpf looks for the library where the dynamic linker does. */
SEC("uprobe/libc.so.6:malloc")
int BPF_KPROBE(malloc_called)
{
	u64 cgroup = bpf_get_current_cgroup_id();

	if (filter_tgid && filter_tgid != bpf_get_current_pid_tgid() >> 32)
		return 0;
	if (!filter_cgroup || filter_cgroup == cgroup)
		map_add(&libc_malloc_calls_total, &cgroup, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
