// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Kernel timers started, by the function that they will call. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "map.bpf.h"

/*
 * Process (tgid) or cgroup (id) whose timers are counted; 0: all. It is the one that the CPU works for at that moment: a
 * timer started in an interrupt is counted for the process that was interrupted.
 */
const volatile u32 filter_tgid = 0;
const volatile u64 filter_cgroup = 0;

/*
 * Keyed by the function's address. 4096: there is one for each kind of timer in the kernel's code, a few hundred in all of
 * a running kernel with its modules. Per CPU, because every CPU starts timers all the time.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u64);
} timer_starts_total SEC(".maps");

static __always_inline bool is_wanted(void)
{
	if (filter_tgid && filter_tgid != bpf_get_current_pid_tgid() >> 32)
		return false;
	return !filter_cgroup || filter_cgroup == bpf_get_current_cgroup_id();
}

SEC("tp_btf/timer_start")
int BPF_PROG(timer_start, struct timer_list *timer)
{
	u64 function = (u64)timer->function;

	if (is_wanted())
		map_add(&timer_starts_total, &function, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
