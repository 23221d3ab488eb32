// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Processes that the kernel kills because memory ran out, of the machine or of a cgroup, by the victim's cgroup. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "loss.bpf.h"

struct oom_kill {
	u64 cgroup;
};
_Static_assert(sizeof(struct oom_kill) == 8, "labels of oom_kills_total");

/* Cgroup (v2 id) whose victims are counted; 0: all. */
const volatile u64 filter_cgroup = 0;

/* One record a victim. */
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, u32);
	__type(value, u32);
} oom_kills_total SEC(".maps");

static __always_inline void count_victim(void *ctx, u64 cgroup)
{
	struct oom_kill record = {};

	if (filter_cgroup && filter_cgroup != cgroup)
		return;
	record.cgroup = cgroup;
	if (bpf_perf_event_output(ctx, &oom_kills_total, BPF_F_CURRENT_CPU, &record, sizeof(record)))
		count_loss(SONDE_LOSS_RING_FULL);
}

/* Where the kernel counts oom_kill of /proc/vmstat and memory.events. */
SEC("fentry/__oom_kill_process")
int BPF_PROG(victim_killed_fentry, struct task_struct *victim)
{
	count_victim(ctx, victim->cgroups->dfl_cgrp->kn->id);
	return 0;
}

SEC("kprobe/__oom_kill_process")
int BPF_KPROBE(victim_killed_kprobe, struct task_struct *victim)
{
	count_victim(ctx, BPF_CORE_READ(victim, cgroups, dfl_cgrp, kn, id));
	return 0;
}

/* The victim is the first argument from 6.9 on; before that it is a number, and the verifier refuses this program. */
SEC("tp_btf/mark_victim")
int BPF_PROG(victim_marked, struct task_struct *victim)
{
	count_victim(ctx, victim->cgroups->dfl_cgrp->kn->id);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
