// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How long block devices take for a request: in the queue (from the IO scheduler's hands to the driver's) and in the
 * device (from the driver to completion).
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "compat.bpf.h"
#include "histogram.bpf.h"

#define BUCKET_MAX 27 /* 2^27 us: 134 s, above every timeout of a block driver */
#define MINORBITS 20

struct bio_key {
	u32 device;
	u32 operation;
	u32 bucket;
};
_Static_assert(sizeof(struct bio_key) == 12, "labels of bio_latency_seconds");

/* Times by the monotonic clock; 0: has not happened. */
struct request_times {
	u64 insert_ns;
	u64 issue_ns;
};

/* Device of the requests to count, in the kernel's encoding (major << 20 | minor); 0: all. */
const volatile u32 filter_device = 0;

/*
 * Requests on their way, by the address of struct request. 16384: a request lives in a tag of its queue, and a queue has
 * 64 to 1024 tags; room for dozens of busy disks. 1.5 MiB.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct request_times);
} requests SEC(".maps");

/* 8192: 28 buckets and the sum for 70 devices with four operations each. 0.6 MiB each; per CPU it would be that for each. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct bio_key);
	__type(value, u64);
} bio_latency_seconds SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct bio_key);
	__type(value, u64);
} bio_queue_latency_seconds SEC(".maps");

static __always_inline u32 request_device(const struct request *rq)
{
	const struct gendisk *disk = rq->q->disk;

	return disk ? disk->major << MINORBITS | disk->first_minor : 0;
}

static __always_inline bool is_wanted(const struct request *rq)
{
	return !filter_device || filter_device == request_device(rq);
}

static __always_inline void observe(void *histogram, const struct request *rq, u64 delta_ns)
{
	struct bio_key key = {};

	key.device = request_device(rq);
	key.operation = request_operation(rq);
	histogram_add_usec(histogram, &key, &key.bucket, delta_ns, BUCKET_MAX);
}

/* The request goes to the IO scheduler or a software queue. Requests that go straight to the driver skip this. */
SEC("tp_btf/block_rq_insert")
int BPF_PROG(block_rq_insert, struct request *rq)
{
	struct request_times times = {};
	u64 id = (u64)rq;

	if (!is_wanted(rq))
		return 0;
	times.insert_ns = bpf_ktime_get_ns();
	map_set(&requests, &id, &times);
	return 0;
}

/* The request goes to the driver: for the second time when the driver gave it back, and then the last time counts. */
SEC("tp_btf/block_rq_issue")
int BPF_PROG(block_rq_issue, struct request *rq)
{
	u64 id = (u64)rq, now_ns = bpf_ktime_get_ns();
	struct request_times *known, times = {};

	if (!is_wanted(rq))
		return 0;
	known = bpf_map_lookup_elem(&requests, &id);
	if (!known) {
		times.issue_ns = now_ns;
		map_set(&requests, &id, &times);
		return 0;
	}
	known->issue_ns = now_ns;
	if (known->insert_ns && now_ns > known->insert_ns)
		observe(&bio_queue_latency_seconds, rq, now_ns - known->insert_ns);
	known->insert_ns = 0; /* a stay in the queue is told once */
	return 0;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(block_rq_complete, struct request *rq, blk_status_t error, unsigned int nr_bytes)
{
	u64 id = (u64)rq, now_ns = bpf_ktime_get_ns();
	struct request_times *times;

	if (nr_bytes < rq->__data_len) /* a part: the rest is still under way */
		return 0;
	times = bpf_map_lookup_elem(&requests, &id);
	if (!times)
		return 0;
	if (times->issue_ns && now_ns > times->issue_ns)
		observe(&bio_latency_seconds, rq, now_ns - times->issue_ns);
	bpf_map_delete_elem(&requests, &id);
	return 0;
}

/* The request became part of another and is freed without being completed. */
SEC("tp_btf/block_rq_merge")
int BPF_PROG(block_rq_merge, struct request *rq)
{
	u64 id = (u64)rq;

	bpf_map_delete_elem(&requests, &id);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
