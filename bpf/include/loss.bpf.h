/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a program could not count or hand over. Every object has one map `sonde_losses`: a per-CPU array of u64, indexed
 * by enum sonde_loss. Sonde finds it by its name and exports it by reason. The order is relied on by the collector: new
 * reasons go to the end.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

enum sonde_loss {
	/* The map is full: the kernel refused a new key. */
	SONDE_LOSS_MAP_FULL = 0,
	/* The ring or perf buffer had no room for a record. */
	SONDE_LOSS_RING_FULL = 1,
	/* The map's bucket was locked by what this program interrupted. */
	SONDE_LOSS_MAP_BUSY = 2,
	SONDE_LOSS_COUNT,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SONDE_LOSS_COUNT); /* one for each reason */
	__type(key, u32);
	__type(value, u64);
} sonde_losses SEC(".maps");

/* Counts one loss on this CPU. Atomic: an interrupt on the same CPU may run another program of this object. */
static __always_inline void count_loss(enum sonde_loss reason)
{
	u32 key = reason;
	u64 *count = bpf_map_lookup_elem(&sonde_losses, &key);

	if (count)
		__sync_fetch_and_add(count, 1);
}
