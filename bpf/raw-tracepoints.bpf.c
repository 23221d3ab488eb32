// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Kernel timers started, by the function that they will call, counted by a raw tracepoint. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "map.bpf.h"

/*
 * Process (tgid) or cgroup (id) whose timers are counted; 0: all. It is the one that the CPU works for at that moment: a
 * timer started in an interrupt is counted for the process that was interrupted.
 */
const volatile u32 filter_tgid = 0;
const volatile u64 filter_cgroup = 0;

/* Keyed by the function's address. 4096: a running kernel has a few hundred. Per CPU, as every CPU starts timers all the time. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u64);
} raw_timer_starts_total SEC(".maps");

static __always_inline bool is_wanted(void)
{
	if (filter_tgid && filter_tgid != bpf_get_current_pid_tgid() >> 32)
		return false;
	return !filter_cgroup || filter_cgroup == bpf_get_current_cgroup_id();
}

/* The arguments of a raw tracepoint are numbers to the verifier: what they point to can only be read by a helper. */
SEC("raw_tp/timer_start")
int BPF_PROG(raw_timer_start, struct timer_list *timer)
{
	u64 function;

	if (!is_wanted())
		return 0;
	function = (u64)BPF_CORE_READ(timer, function);
	map_add(&raw_timer_starts_total, &function, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
