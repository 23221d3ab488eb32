// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What happens in the page cache: pages used, added, written to. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "compat.bpf.h"
#include "map.bpf.h"

enum page_cache_operation {
	CACHE_ACCESS = 0,
	CACHE_WRITES = 1,
	PAGE_ADD_LRU = 2,
	PAGE_MARK_DIRTIES = 3,
	OPERATIONS,
};

/* Process (tgid) or cgroup (id) to watch, which uses the pages; 0: all. */
const volatile u32 filter_tgid = 0;
const volatile u64 filter_cgroup = 0;
/*
 * Device whose pages are counted, in the kernel's encoding (major << 20 | minor); 0: all. Of a block device that is read or
 * written itself it is that one, of a file its file system's.
 */
const volatile u32 filter_device = 0;

/* One row an operation that has happened. Per CPU: every read of a file comes here. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, OPERATIONS);
	__type(key, u32);
	__type(value, u64);
} page_cache_ops_total SEC(".maps");

static __always_inline void count(enum page_cache_operation operation)
{
	u32 key = operation;

	if (filter_tgid && filter_tgid != bpf_get_current_pid_tgid() >> 32)
		return;
	if (filter_cgroup && filter_cgroup != bpf_get_current_cgroup_id())
		return;
	map_add(&page_cache_ops_total, &key, 1);
}

/* The page may also belong to no file: then the address has a mark in its lowest bits, and is not one to follow. */
static __always_inline bool is_on_device(u64 address)
{
	struct address_space *mapping = (void *)address;
	struct inode *inode;

	if (!address || address & 3)
		return false;
	inode = BPF_CORE_READ(mapping, host);
	if (inode_is_block_device(BPF_CORE_READ(inode, i_mode)))
		return filter_device == BPF_CORE_READ(inode, i_rdev);
	return filter_device == BPF_CORE_READ(inode, i_sb, s_dev);
}

/* Only with a filter is anything read, by a helper that lockdown forbids. */
static __always_inline bool is_wanted_folio(struct folio *folio)
{
	return !filter_device || is_on_device((u64)BPF_CORE_READ(folio, mapping));
}

static __always_inline bool is_wanted_page(struct page *page)
{
	return !filter_device || is_on_device((u64)BPF_CORE_READ(page, mapping));
}

/* In all variants */

SEC("tp_btf/mm_filemap_add_to_page_cache")
int BPF_PROG(added, void *page)
{
	/* A folio in newer kernels, a page in older ones: both begin alike. */
	if (is_wanted_page(page))
		count(PAGE_ADD_LRU);
	return 0;
}

/* At the begin of mark_buffer_dirty(). */
SEC("tp_btf/block_dirty_buffer")
int BPF_PROG(buffer_dirtied, struct buffer_head *buffer)
{
	if (!filter_device || filter_device == BPF_CORE_READ(buffer, b_bdev, bd_dev))
		count(CACHE_WRITES);
	return 0;
}

/* From 5.16 on, where the page cache has folios */

SEC("tp_btf/writeback_dirty_folio")
int BPF_PROG(folio_dirtied, struct folio *folio)
{
	if (is_wanted_folio(folio))
		count(PAGE_MARK_DIRTIES);
	return 0;
}

SEC("fentry/folio_mark_accessed")
int BPF_PROG(folio_accessed_fentry, struct folio *folio)
{
	if (is_wanted_folio(folio))
		count(CACHE_ACCESS);
	return 0;
}

SEC("kprobe/folio_mark_accessed")
int BPF_KPROBE(folio_accessed_kprobe, struct folio *folio)
{
	if (is_wanted_folio(folio))
		count(CACHE_ACCESS);
	return 0;
}

/* Before 5.16 */

SEC("tp_btf/writeback_dirty_page")
int BPF_PROG(page_dirtied, struct page *page)
{
	if (is_wanted_page(page))
		count(PAGE_MARK_DIRTIES);
	return 0;
}

SEC("fentry/mark_page_accessed")
int BPF_PROG(page_accessed_fentry, struct page *page)
{
	if (is_wanted_page(page))
		count(CACHE_ACCESS);
	return 0;
}

SEC("kprobe/mark_page_accessed")
int BPF_KPROBE(page_accessed_kprobe, struct page *page)
{
	if (is_wanted_page(page))
		count(CACHE_ACCESS);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
