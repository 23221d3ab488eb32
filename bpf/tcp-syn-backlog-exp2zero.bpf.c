// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How many connections wait for accept() when a SYN for their listener comes, in powers of two. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "histogram.bpf.h"
#include "sock-filter.bpf.h"

#define BUCKET_MAX 17 /* 65536 connections */

/* 19: the buckets and the sum. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BUCKET_MAX + 2);
	__type(key, u32);
	__type(value, u64);
} tcp_syn_backlog SEC(".maps");

/* Every SYN for a listener, over IPv4 and IPv6, before the kernel decides whether there is room for it. */
SEC("fentry/tcp_conn_request")
int BPF_PROG(syn_received, struct request_sock_ops *ops, const struct tcp_request_sock_ops *af_ops, struct sock *sk)
{
	u32 bucket;

	if (sock_is_wanted(sk))
		histogram_add_exp2zero(&tcp_syn_backlog, &bucket, &bucket, sk->sk_ack_backlog, BUCKET_MAX);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
