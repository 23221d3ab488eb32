// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How long TCP connections wait in the accept queue: from when the handshake is complete until the server has the connection
 * from accept().
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "compat.bpf.h"
#include "histogram.bpf.h"
#include "sock.bpf.h"

#define BUCKET_MAX 26 /* 2^26 us: 67 s, by when clients have given up */

struct accept_key {
	u16 port;
	u16 padding;
	u32 bucket;
};
_Static_assert(sizeof(struct accept_key) == 8, "labels of accept_latency_seconds");

/* Network namespace (inode number) or cgroup (id) of the listening sockets to watch; 0: all. */
const volatile u32 filter_netns = 0;
const volatile u64 filter_cgroup = 0;

/*
 * When each waiting connection was complete, by the address of its struct sock. 65536: sixteen full queues of the default
 * net.core.somaxconn (4096). 5 MiB.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, u64);
} complete_since SEC(".maps");

/* 8192: 27 buckets and the sum for 290 ports. Servers listen on a handful; LRU, as programs may take any port for a while. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct accept_key);
	__type(value, u64);
} accept_latency_seconds SEC(".maps");

static __always_inline bool is_wanted(const struct sock *sk)
{
	if (filter_netns && filter_netns != sock_netns(sk))
		return false;
	return !filter_cgroup || filter_cgroup == sock_cgroup(sk);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state_changes, const struct sock *sk, const int from, const int to)
{
	u64 id = (u64)sk;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (from == TCP_SYN_RECV && to == TCP_ESTABLISHED) {
		u64 now_ns = bpf_ktime_get_ns();

		if (is_wanted(sk))
			map_set(&complete_since, &id, &now_ns);
	} else if (to == TCP_CLOSE) { /* reset while it waited, or its listener was closed */
		bpf_map_delete_elem(&complete_since, &id);
	}
	return 0;
}

static __always_inline void accepted(u64 id, u16 port)
{
	struct accept_key key = {};
	u64 now_ns = bpf_ktime_get_ns();
	u64 *since_ns = bpf_map_lookup_elem(&complete_since, &id);

	if (!since_ns)
		return;
	key.port = port;
	if (now_ns >= *since_ns)
		histogram_add_usec(&accept_latency_seconds, &key, &key.bucket, now_ns - *since_ns, BUCKET_MAX);
	bpf_map_delete_elem(&complete_since, &id);
}

/* A function's arguments differ between kernels (6.10), its result does not. */
SEC("fexit/inet_csk_accept")
int accepted_fexit(void *ctx)
{
	u64 sk = 0;

	if (!bpf_get_func_ret(ctx, &sk) && sk)
		accepted(sk, BPF_CORE_READ((struct sock *)sk, __sk_common.skc_num));
	return 0;
}

SEC("kretprobe/inet_csk_accept")
int BPF_KRETPROBE(accepted_kretprobe, struct sock *sk)
{
	if (sk)
		accepted((u64)sk, BPF_CORE_READ(sk, __sk_common.skc_num));
	return 0;
}

/* Variant sys_exit, for kernels with neither: the socket is found through the file that accept() returned. */
SEC("tp_btf/sys_exit")
int BPF_PROG(accepted_sys_exit, struct pt_regs *regs, long fd)
{
	struct file *file = NULL;
	struct fdtable *table;
	struct socket *socket;
	struct sock *sk;

	if (fd < 0 || !is_accept(regs))
		return 0;
	table = bpf_get_current_task_btf()->files->fdt;
	if (fd >= table->max_fds || bpf_probe_read_kernel(&file, sizeof(file), &table->fd[fd]) || !file)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	if (sk)
		accepted((u64)sk, BPF_CORE_READ(sk, __sk_common.skc_num));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
