// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How long connections to Unix sockets wait until the server accepts them: from connect() to accept(). */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "histogram.bpf.h"
#include "sock-filter.bpf.h"
#include "unix.bpf.h"

#define BUCKET_MAX 10 /* 2^10 ms */
#define NSEC_PER_MSEC 1000000ULL

struct accept_key {
	char addr[UNIX_PATH_MAX];
	u32 bucket;
};
_Static_assert(sizeof(struct accept_key) == 112, "labels of unix_accept_latency_seconds");

/*
 * When clients began to connect, by the address of their struct sock: as long as the connection waits, the server's end holds
 * that. 16384: net.core.somaxconn is 4096, for four servers that do not accept at all.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u64);
} starts SEC(".maps");

/* LRU: servers choose the names. 8192: eleven buckets and the sum of 680 servers. 1.3 MiB. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct accept_key);
	__type(value, u64);
} unix_accept_latency_seconds SEC(".maps");

SEC("fentry/unix_stream_connect")
int BPF_PROG(connect_begins, struct socket *sock)
{
	u64 client = (u64)sock->sk, now_ns = bpf_ktime_get_ns();

	map_set(&starts, &client, &now_ns);
	return 0;
}

SEC("fexit/unix_stream_connect")
int BPF_PROG(connect_ends, struct socket *sock, struct sockaddr *uaddr, int addr_len, int flags, int error)
{
	u64 client = (u64)sock->sk;

	if (error)
		bpf_map_delete_elem(&starts, &client);
	return 0;
}

/* A connection that is closed before it is accepted: the listener goes, and with it the server's ends that wait in its queue. */
SEC("fentry/unix_release_sock")
int BPF_PROG(sock_released, struct sock *sk, int embryo)
{
	struct unix_sock *server;
	u64 client;

	if (!embryo)
		return 0;
	server = bpf_skc_to_unix_sock(sk);
	if (!server)
		return 0;
	client = (u64)server->peer;
	bpf_map_delete_elem(&starts, &client);
	return 0;
}

/* In milliseconds, as histogram_add_usec() in microseconds: the bucket by the time rounded up, the sum rounded to nearest. */
static __always_inline void observe(struct accept_key *key, u64 delta_ns)
{
	key->bucket = exp2_bucket((delta_ns + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC, BUCKET_MAX);
	map_add(&unix_accept_latency_seconds, key, 1);
	key->bucket = BUCKET_MAX + 1;
	map_add(&unix_accept_latency_seconds, key, (delta_ns + NSEC_PER_MSEC / 2) / NSEC_PER_MSEC);
}

/* The new socket has its struct sock if, and only if, there was a connection. The other arguments differ between kernels. */
SEC("fexit/unix_accept")
int BPF_PROG(accept_ends, struct socket *listener, struct socket *accepted)
{
	u64 now_ns = bpf_ktime_get_ns(), client;
	struct accept_key key = {};
	struct unix_sock *server;
	u64 *start_ns;

	if (!accepted->sk)
		return 0;
	server = bpf_skc_to_unix_sock(accepted->sk);
	if (!server)
		return 0;
	client = (u64)server->peer;
	start_ns = bpf_map_lookup_elem(&starts, &client);
	if (!start_ns)
		return 0;
	if (sock_is_wanted(listener->sk)) {
		read_unix_name(key.addr, server);
		observe(&key, now_ns - *start_ns);
	}
	bpf_map_delete_elem(&starts, &client);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
