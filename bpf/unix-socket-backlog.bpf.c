// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How many connections already wait for accept() when another comes to a Unix socket. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "histogram.bpf.h"
#include "sock-filter.bpf.h"
#include "unix.bpf.h"

#define BUCKET_MAX 17 /* 65536 connections */

struct backlog_key {
	char addr[UNIX_PATH_MAX];
	u32 bucket;
};
_Static_assert(sizeof(struct backlog_key) == 112, "labels of unix_socket_backlog");

/* LRU: servers choose the names. 8192: 18 buckets and the sum of 430 servers. 1.3 MiB. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct backlog_key);
	__type(value, u64);
} unix_socket_backlog SEC(".maps");

static __always_inline bool is_listener(const struct sock *sk)
{
	return sk->__sk_common.skc_family == AF_UNIX && sk->__sk_common.skc_state == TCP_LISTEN;
}

static __always_inline void observe(struct sock *listener, u32 backlog)
{
	struct backlog_key key = {};
	struct unix_sock *server;

	if (!sock_is_wanted(listener))
		return;
	server = bpf_skc_to_unix_sock(listener);
	if (!server)
		return;
	read_unix_name(key.addr, server);
	histogram_add_exp2zero(&unix_socket_backlog, &key, &key.bucket, backlog, BUCKET_MAX);
}

/* Variant fentry: every attempt, also of those for whom there is no room. Kernels where this function has these arguments. */
SEC("fexit/unix_find_other")
int BPF_PROG(listener_found, struct net *net, struct sockaddr_un *name, int length, int type, struct sock *other)
{
	/* Where there is none, it is an error in a pointer's clothes. */
	if ((u64)other < (u64)-4095 && other && is_listener(other))
		observe(other, other->sk_receive_queue.qlen);
	return 0;
}

/* Variant tp_btf: each connection that has got its place in the queue, which it is itself a part of then. */
SEC("tp_btf/sk_data_ready")
int BPF_PROG(connection_queued, struct sock *sk)
{
	u32 queued;

	if (!is_listener(sk))
		return 0;
	queued = sk->sk_receive_queue.qlen;
	observe(sk, queued ? queued - 1 : 0); /* 0: accepted already */
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
