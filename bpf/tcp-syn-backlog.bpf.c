// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How many connections wait for accept() when a SYN for their listener comes, in steps of 50. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "map.bpf.h"
#include "sock-filter.bpf.h"

#define BUCKET_WIDTH 50
#define BUCKET_MAX 20 /* 1000 connections */

/* 22: the buckets and the sum. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BUCKET_MAX + 2);
	__type(key, u32);
	__type(value, u64);
} tcp_syn_backlog SEC(".maps");

/* What is left of this CPU's sum when whole buckets' widths have gone to the histogram, whose sum is in that unit. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} remainders SEC(".maps");

static __always_inline void observe(u64 backlog)
{
	u32 zero = 0, bucket = (backlog + BUCKET_WIDTH - 1) / BUCKET_WIDTH, sum = BUCKET_MAX + 1;
	u64 *remainder = bpf_map_lookup_elem(&remainders, &zero);

	if (bucket > BUCKET_MAX)
		bucket = BUCKET_MAX;
	map_add(&tcp_syn_backlog, &bucket, 1);
	if (!remainder)
		return;
	backlog += *remainder;
	*remainder = backlog % BUCKET_WIDTH;
	map_add(&tcp_syn_backlog, &sum, backlog / BUCKET_WIDTH);
}

/* Every SYN for a listener, over IPv4 and IPv6, before the kernel decides whether there is room for it. */
SEC("fentry/tcp_conn_request")
int BPF_PROG(syn_received, struct request_sock_ops *ops, const struct tcp_request_sock_ops *af_ops, struct sock *sk)
{
	if (sock_is_wanted(sk))
		observe(sk->sk_ack_backlog);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
