/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counting in maps of u64 values. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "loss.bpf.h"

#define EEXIST 17
#define ENOMEM 12
#define E2BIG 7

/*
 * Errors of the map helpers are kept as int: libbpf declares the helpers as long, but before 6.4 the kernel's own functions
 * return an int whose upper half is 0 in the 64-bit register, so that as a long -EEXIST is 4294967279.
 */
static __always_inline void count_refused_update(int err)
{
	count_loss(err == -E2BIG || err == -ENOMEM ? SONDE_LOSS_MAP_FULL : SONDE_LOSS_MAP_BUSY);
}

/* Sets a row; a refused update is counted as a loss. */
static __always_inline void map_set(void *map, const void *key, const void *value)
{
	int err = bpf_map_update_elem(map, key, value, BPF_ANY);

	if (err)
		count_refused_update(err);
}

/*
 * Adds n to the row of this key, which starts at 0. Atomic, also in per-CPU maps, where an interrupt may hit the same
 * row. A row that the kernel refuses to make is counted as one loss, whatever n is.
 */
static __always_inline void map_add(void *map, const void *key, u64 n)
{
	u64 *value = bpf_map_lookup_elem(map, key);

	if (!value) {
		const u64 zero = 0;
		/* NOEXIST: when another CPU was first, its count stays. */
		int err = bpf_map_update_elem(map, key, &zero, BPF_NOEXIST);

		if (err && err != -EEXIST) {
			count_refused_update(err);
			return;
		}
		value = bpf_map_lookup_elem(map, key);
		if (!value) { /* an LRU map has evicted it already */
			count_loss(SONDE_LOSS_MAP_FULL);
			return;
		}
	}
	__sync_fetch_and_add(value, n);
}
