// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How long a cgroup that has used up its CPU quota is stopped, on each CPU that it wants to run on. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "histogram.bpf.h"

#define BUCKET_MAX 20 /* 2^20 us: 1 s, the longest period that a quota can have */

struct throttling_key {
	u64 cgroup;
	u32 bucket;
	u32 padding;
};
_Static_assert(sizeof(struct throttling_key) == 16, "labels of cfs_throttling_seconds");

/* Cgroup (the one with the quota) to watch; 0: all. */
const volatile u64 filter_cgroup = 0;

/*
 * When each run queue of a cgroup was stopped, by its address. 16384: two hundred cgroups with quotas, stopped on eighty CPUs at
 * once. LRU: a queue that goes while it is stopped leaves its row.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u64);
} stopped_since SEC(".maps");

/* 16384: 21 buckets and the sum for 740 cgroups. LRU, because cgroups come and go. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct throttling_key);
	__type(value, u64);
} cfs_throttling_seconds SEC(".maps");

static __always_inline void stops(u64 queue)
{
	u64 now_ns = bpf_ktime_get_ns();

	map_set(&stopped_since, &queue, &now_ns);
}

/* A queue that did not stop after all (the quota was filled up in time) keeps a row until it does. */
static __always_inline void goes_on(u64 queue, u64 cgroup)
{
	struct throttling_key key = {};
	u64 now_ns = bpf_ktime_get_ns();
	u64 *since_ns = bpf_map_lookup_elem(&stopped_since, &queue);

	if (!since_ns)
		return;
	key.cgroup = cgroup;
	if (now_ns >= *since_ns && (!filter_cgroup || filter_cgroup == cgroup))
		histogram_add_usec(&cfs_throttling_seconds, &key, &key.bucket, now_ns - *since_ns, BUCKET_MAX);
	bpf_map_delete_elem(&stopped_since, &queue);
}

SEC("fentry/throttle_cfs_rq")
int BPF_PROG(stops_fentry, struct cfs_rq *queue)
{
	stops((u64)queue);
	return 0;
}

SEC("fentry/unthrottle_cfs_rq")
int BPF_PROG(goes_on_fentry, struct cfs_rq *queue)
{
	goes_on((u64)queue, queue->tg->css.cgroup->kn->id);
	return 0;
}

SEC("kprobe/throttle_cfs_rq")
int BPF_KPROBE(stops_kprobe, struct cfs_rq *queue)
{
	stops((u64)queue);
	return 0;
}

SEC("kprobe/unthrottle_cfs_rq")
int BPF_KPROBE(goes_on_kprobe, struct cfs_rq *queue)
{
	goes_on((u64)queue, BPF_CORE_READ(queue, tg, css.cgroup, kn, id));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
