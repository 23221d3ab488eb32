// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How long the kernel takes to reclaim memory from one node, once: shrink_node(). */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "histogram.bpf.h"

#define BUCKET_MAX 26 /* 2^26 us: 67 s */

/* Process (tgid) or cgroup (id) that reclaims; 0: all. kswapd is a process of its own, in the root cgroup. */
const volatile u32 filter_tgid = 0;
const volatile u64 filter_cgroup = 0;

/* Start times by thread. 4096: threads that reclaim at once; each uses a CPU, or waits for the disk with no memory left. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, u64);
} starts SEC(".maps");

/* 28: the buckets and the sum. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BUCKET_MAX + 2);
	__type(key, u32);
	__type(value, u64);
} shrink_node_latency_seconds SEC(".maps");

static __always_inline bool is_wanted(void)
{
	if (filter_tgid && filter_tgid != bpf_get_current_pid_tgid() >> 32)
		return false;
	return !filter_cgroup || filter_cgroup == bpf_get_current_cgroup_id();
}

SEC("fentry/shrink_node")
int BPF_PROG(shrink_begins)
{
	u32 thread = bpf_get_current_pid_tgid();
	u64 now_ns = bpf_ktime_get_ns();

	if (is_wanted())
		map_set(&starts, &thread, &now_ns);
	return 0;
}

SEC("fexit/shrink_node")
int BPF_PROG(shrink_ends)
{
	u32 thread = bpf_get_current_pid_tgid(), bucket;
	u64 *start_ns = bpf_map_lookup_elem(&starts, &thread);

	if (!start_ns)
		return 0;
	histogram_add_usec(&shrink_node_latency_seconds, &bucket, &bucket, bpf_ktime_get_ns() - *start_ns, BUCKET_MAX);
	bpf_map_delete_elem(&starts, &thread);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
