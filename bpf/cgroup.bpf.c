// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Moves of threads from one CPU to another, by the thread's cgroup. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "map.bpf.h"

/* Cgroup (v2 id) or process (tgid) whose threads are counted; 0: all. Of the thread that is moved, not of who moves it. */
const volatile u64 filter_cgroup = 0;
const volatile u32 filter_tgid = 0;

/*
 * LRU: cgroups come and go with each job and container, and those that are gone must not keep new ones out. 8192: several
 * times what a busy node has at once. Per CPU, because the scheduler moves threads on all CPUs at once.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, u64);
} cgroup_sched_migrations_total SEC(".maps");

/* Fires where the kernel counts se.nr_migrations: only for a CPU that is another. */
SEC("tp_btf/sched_migrate_task")
int BPF_PROG(sched_migrate_task, struct task_struct *task)
{
	u64 cgroup = task->cgroups->dfl_cgrp->kn->id;

	if (filter_cgroup && filter_cgroup != cgroup)
		return 0;
	if (filter_tgid && filter_tgid != task->tgid)
		return 0;
	map_add(&cgroup_sched_migrations_total, &cgroup, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
