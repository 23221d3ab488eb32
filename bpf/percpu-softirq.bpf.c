// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Softirqs serviced, by kind and CPU. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "map.bpf.h"

/* One row for each kind of softirq, on each CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NR_SOFTIRQS);
	__type(key, u32);
	__type(value, u64);
} softirqs_total SEC(".maps");

SEC("tp_btf/softirq_entry")
int BPF_PROG(percpu_softirq_entry, unsigned int vec)
{
	u32 kind = vec;

	map_add(&softirqs_total, &kind, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
