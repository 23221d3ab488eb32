// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Pages that the kernel holds for compiled BPF programs, read once a second from the kernel's own account of them,
 * bpf_jit_current. Where it is changed nothing can be hooked that compilers do not now and then inline.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "compat.bpf.h"
#include "map.bpf.h"

#define PAGE_SIZE 4096 /* of arm64 with larger pages too: a unit, not the size that the kernel maps */

/* Where bpf_jit_current is: Sonde looks it up. */
const volatile u64 kaddr_bpf_jit_current = 0;

/* One value. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} bpf_jit_pages_currently_allocated SEC(".maps");

/* A timer of the CPU, once a second on each: any of them may be offline. */
SEC("perf_event/type=1,config=0,frequency=1")
int read_bpf_jit_current(void *ctx)
{
	u64 current = 0, pages;
	u32 zero = 0;

	if (bpf_probe_read_kernel(&current, sizeof(current), (const void *)kaddr_bpf_jit_current))
		return 0;
	pages = bpf_jit_current_is_bytes() ? (current + PAGE_SIZE - 1) / PAGE_SIZE : current;
	map_set(&bpf_jit_pages_currently_allocated, &zero, &pages);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
