// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How long softirqs wait and how long they run. A softirq is raised and serviced on the same CPU. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "histogram.bpf.h"

#define BUCKET_MAX 21 /* 2^21 us: 2 s, beyond which the kernel itself complains about a stalled CPU */
#define KINDS NR_SOFTIRQS

struct softirq_key {
	u32 kind;
	u32 bucket;
};
_Static_assert(sizeof(struct softirq_key) == 8, "labels of softirq_entry_latency_seconds");

/* One row for each kind of softirq. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, KINDS);
	__type(key, u32);
	__type(value, u64);
} softirq_raised_total SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, KINDS);
	__type(key, u32);
	__type(value, u64);
} softirq_serviced_total SEC(".maps");

/* Every kind with every bucket and the sum: it cannot be full. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, KINDS *(BUCKET_MAX + 2));
	__type(key, struct softirq_key);
	__type(value, u64);
} softirq_entry_latency_seconds SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, KINDS *(BUCKET_MAX + 2));
	__type(key, struct softirq_key);
	__type(value, u64);
} softirq_service_latency_seconds SEC(".maps");

/* When this kind was raised on this CPU and when its service began, by the monotonic clock; 0: it is not. */
struct softirq_times {
	u64 raise_ns;
	u64 entry_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, KINDS);
	__type(key, u32);
	__type(value, struct softirq_times);
} times_of SEC(".maps");

static __always_inline void observe(void *histogram, u32 kind, u64 delta_ns)
{
	struct softirq_key key = {};

	key.kind = kind;
	histogram_add_usec(histogram, &key, &key.bucket, delta_ns, BUCKET_MAX);
}

/* Also fires for a kind that is pending already: the wait is the first one's. */
SEC("tp_btf/softirq_raise")
int BPF_PROG(softirq_raise, unsigned int vec)
{
	u32 kind = vec;
	struct softirq_times *times = bpf_map_lookup_elem(&times_of, &kind);

	if (!times)
		return 0;
	if (!times->raise_ns)
		times->raise_ns = bpf_ktime_get_ns();
	map_add(&softirq_raised_total, &kind, 1);
	return 0;
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(softirq_entry, unsigned int vec)
{
	u32 kind = vec;
	u64 raise_ns, now_ns = bpf_ktime_get_ns();
	struct softirq_times *times = bpf_map_lookup_elem(&times_of, &kind);

	if (!times)
		return 0;
	times->entry_ns = now_ns;
	/* Exchanged, not read and cleared: an interrupt may raise this kind again between the two. */
	raise_ns = __sync_lock_test_and_set(&times->raise_ns, 0);
	if (raise_ns && now_ns > raise_ns)
		observe(&softirq_entry_latency_seconds, kind, now_ns - raise_ns);
	map_add(&softirq_serviced_total, &kind, 1);
	return 0;
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(softirq_exit, unsigned int vec)
{
	u32 kind = vec;
	u64 now_ns = bpf_ktime_get_ns();
	struct softirq_times *times = bpf_map_lookup_elem(&times_of, &kind);

	if (!times || !times->entry_ns)
		return 0;
	if (now_ns > times->entry_ns)
		observe(&softirq_service_latency_seconds, kind, now_ns - times->entry_ns);
	times->entry_ns = 0;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
