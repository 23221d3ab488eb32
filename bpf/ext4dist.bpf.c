// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How long the ext4 file system takes for what processes ask of it: read, write, open, fsync. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "histogram.bpf.h"

#define BUCKET_MAX 27 /* 2^27 us: 134 s */

enum ext4_operation {
	EXT4_READ = 0,
	EXT4_WRITE = 1,
	EXT4_OPEN = 2,
	EXT4_FSYNC = 3,
	EXT4_OPERATION_COUNT,
};

struct ext4_key {
	u32 operation;
	u32 bucket;
};
_Static_assert(sizeof(struct ext4_key) == 8, "labels of ext4_latency_seconds");

/* A thread is in an operation once, but a write to a file opened with O_SYNC has an fsync within. */
struct call {
	u32 thread;
	u32 operation;
};

/* Process (tgid) or cgroup (id) that asks, device of the file system (major << 20 | minor); 0: all. */
const volatile u32 filter_tgid = 0;
const volatile u64 filter_cgroup = 0;
const volatile u32 filter_device = 0;

/* Start times. 16384: threads that are within ext4 at once. 1.3 MiB. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct call);
	__type(value, u64);
} starts SEC(".maps");

/* 116: buckets and sum of each operation. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EXT4_OPERATION_COUNT *(BUCKET_MAX + 2));
	__type(key, struct ext4_key);
	__type(value, u64);
} ext4_latency_seconds SEC(".maps");

static __always_inline bool is_wanted(const struct super_block *sb)
{
	if (filter_tgid && filter_tgid != bpf_get_current_pid_tgid() >> 32)
		return false;
	if (filter_cgroup && filter_cgroup != bpf_get_current_cgroup_id())
		return false;
	return !filter_device || filter_device == sb->s_dev;
}

static __always_inline int begin(const struct super_block *sb, enum ext4_operation operation)
{
	struct call call = {.thread = bpf_get_current_pid_tgid(), .operation = operation};
	u64 now_ns;

	if (!is_wanted(sb))
		return 0;
	now_ns = bpf_ktime_get_ns();
	map_set(&starts, &call, &now_ns);
	return 0;
}

static __always_inline int end(enum ext4_operation operation)
{
	struct call call = {.thread = bpf_get_current_pid_tgid(), .operation = operation};
	u64 *start_ns = bpf_map_lookup_elem(&starts, &call);
	struct ext4_key key = {.operation = operation};

	if (!start_ns)
		return 0;
	histogram_add_usec(&ext4_latency_seconds, &key, &key.bucket, bpf_ktime_get_ns() - *start_ns, BUCKET_MAX);
	bpf_map_delete_elem(&starts, &call);
	return 0;
}

SEC("fentry/ext4_file_read_iter")
int BPF_PROG(read_begins, struct kiocb *iocb)
{
	return begin(iocb->ki_filp->f_inode->i_sb, EXT4_READ);
}

SEC("fexit/ext4_file_read_iter")
int BPF_PROG(read_ends)
{
	return end(EXT4_READ);
}

SEC("fentry/ext4_file_write_iter")
int BPF_PROG(write_begins, struct kiocb *iocb)
{
	return begin(iocb->ki_filp->f_inode->i_sb, EXT4_WRITE);
}

SEC("fexit/ext4_file_write_iter")
int BPF_PROG(write_ends)
{
	return end(EXT4_WRITE);
}

SEC("fentry/ext4_file_open")
int BPF_PROG(open_begins, struct inode *inode)
{
	return begin(inode->i_sb, EXT4_OPEN);
}

SEC("fexit/ext4_file_open")
int BPF_PROG(open_ends)
{
	return end(EXT4_OPEN);
}

SEC("fentry/ext4_sync_file")
int BPF_PROG(fsync_begins, struct file *file)
{
	return begin(file->f_inode->i_sb, EXT4_FSYNC);
}

SEC("fexit/ext4_sync_file")
int BPF_PROG(fsync_ends)
{
	return end(EXT4_FSYNC);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
