/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What differs between kernels, told by what their BTF has, never by a version number. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

struct trace_event_raw_tcp_retransmit_skb___err {
	int err;
} __attribute__((preserve_access_index));

/*
 * Whether the tracepoint tcp_retransmit_skb hands over the outcome as its third argument. Where it does (6.16 and later),
 * it fires for failed attempts too; where it does not, only for what was sent.
 */
static __always_inline bool tcp_retransmit_skb_has_err(void)
{
	return bpf_core_field_exists(struct trace_event_raw_tcp_retransmit_skb___err, err);
}

struct bpf_prog_pack___any {
	void *ptr;
} __attribute__((preserve_access_index));

/* Whether bpf_jit_current counts bytes. It did count pages until compiled programs came to share them (5.18, in packs). */
static __always_inline bool bpf_jit_current_is_bytes(void)
{
	return bpf_core_type_exists(struct bpf_prog_pack___any);
}

/* Which of the kernel's numbers of system calls are accept() and accept4(). */
#if defined(__TARGET_ARCH_x86)
#define NR_ACCEPT 43
#define NR_ACCEPT4 288
#define SYSCALL_NUMBER(regs) ((regs)->orig_ax)
#elif defined(__TARGET_ARCH_arm64)
#define NR_ACCEPT 202
#define NR_ACCEPT4 242
#define SYSCALL_NUMBER(regs) ((regs)->syscallno)
#endif

/* Whether these are the registers of a thread in accept() or accept4(). */
static __always_inline bool is_accept(const struct pt_regs *regs)
{
	int number = SYSCALL_NUMBER(regs);

	return number == NR_ACCEPT || number == NR_ACCEPT4;
}

/* Stands for all system calls of 32-bit programs: no number that a kernel gives. */
#define COMPAT_SYSCALL 0xffffffff

/* Whether this thread is in a system call of the 32-bit kind, whose numbers are others. */
static __always_inline bool is_compat_syscall(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

#if defined(__TARGET_ARCH_x86)
	return task->thread_info.status & 2; /* TS_COMPAT */
#elif defined(__TARGET_ARCH_arm64)
	return task->thread_info.flags >> 22 & 1; /* TIF_32BIT */
#endif
}

#define S_IFMT 0170000
#define S_IFBLK 0060000

/* Of an inode's i_mode. */
static __always_inline bool inode_is_block_device(u32 mode)
{
	return (mode & S_IFMT) == S_IFBLK;
}

#define REQUEST_OPERATION_MASK 0xff

/*
 * The request's operation, numbered as enum req_op of 6.12. Read, write, flush and discard are the same
 * in every kernel; those of zoned devices have been moved, so they are translated.
 */
static __always_inline u32 request_operation(const struct request *rq)
{
	u32 op = rq->cmd_flags & REQUEST_OPERATION_MASK;

	if (op <= REQ_OP_SECURE_ERASE || op == REQ_OP_WRITE_ZEROES || op >= REQ_OP_DRV_IN)
		return op;
	if (!bpf_core_enum_value_exists(enum req_op, REQ_OP_ZONE_APPEND))
		return REQUEST_OPERATION_MASK; /* before 6.0 the enum had another name: not told apart */
	if (op == bpf_core_enum_value(enum req_op, REQ_OP_ZONE_APPEND))
		return REQ_OP_ZONE_APPEND;
	if (op == bpf_core_enum_value(enum req_op, REQ_OP_ZONE_OPEN))
		return REQ_OP_ZONE_OPEN;
	if (op == bpf_core_enum_value(enum req_op, REQ_OP_ZONE_CLOSE))
		return REQ_OP_ZONE_CLOSE;
	if (op == bpf_core_enum_value(enum req_op, REQ_OP_ZONE_FINISH))
		return REQ_OP_ZONE_FINISH;
	if (op == bpf_core_enum_value(enum req_op, REQ_OP_ZONE_RESET))
		return REQ_OP_ZONE_RESET;
	if (op == bpf_core_enum_value(enum req_op, REQ_OP_ZONE_RESET_ALL))
		return REQ_OP_ZONE_RESET_ALL;
	return REQUEST_OPERATION_MASK;
}
