// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* References to the CPU's last level cache and misses of it, by CPU, from the hardware's counters. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "map.bpf.h"

/* One value a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} llc_references_total SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} llc_misses_total SEC(".maps");

/* An overflow of the counter tells that sample_period events have come since the last one. The kernel adapts the period. */
static __always_inline void count(void *map, const struct bpf_perf_event_data *ctx)
{
	u32 zero = 0;

	map_add(map, &zero, ctx->sample_period);
}

/* PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES */
SEC("perf_event/type=0,config=2,frequency=20")
int llc_reference(struct bpf_perf_event_data *ctx)
{
	count(&llc_references_total, ctx);
	return 0;
}

/* PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES */
SEC("perf_event/type=0,config=3,frequency=20")
int llc_miss(struct bpf_perf_event_data *ctx)
{
	count(&llc_misses_total, ctx);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
