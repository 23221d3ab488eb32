// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Datagrams that the kernel drops because the socket's receive buffer has no room, by the socket's port. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "map.bpf.h"
#include "sock-filter.bpf.h"

/* By local port. LRU: clients' ports come and go; 4096 that lose datagrams between two reads. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u16);
	__type(value, u64);
} udp_fail_queue_rcv_skbs_total SEC(".maps");

static __always_inline void count_drop(const struct sock *sk)
{
	u16 local_port = sk->__sk_common.skc_num;

	if (sock_is_wanted(sk))
		map_add(&udp_fail_queue_rcv_skbs_total, &local_port, 1);
}

/*
 * Variant tp_btf. 6.1 has this tracepoint for IPv4 only. It got its third argument later: a kernel that does not hand that
 * over refuses this program, and may be one of those.
 */
SEC("tp_btf/udp_fail_queue_rcv_skb")
int BPF_PROG(datagram_dropped, int error, struct sock *sk, struct sk_buff *skb)
{
	if (skb)
		count_drop(sk);
	return 0;
}

/* Variant fexit: both versions call this for every datagram. */
SEC("fexit/__udp_enqueue_schedule_skb")
int BPF_PROG(datagram_queued, struct sock *sk, struct sk_buff *skb, int error)
{
	if (error < 0)
		count_drop(sk);
	return 0;
}

/* Variant ipv4: what is left for older kernels without fentry. */
SEC("tp_btf/udp_fail_queue_rcv_skb")
int BPF_PROG(datagram4_dropped, int error, struct sock *sk)
{
	count_drop(sk);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
