// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * TCP segments sent again, by peer and by why. Both variants count the same thing: each segment of a retransmitted
 * packet that was handed to IP without an error. That is RetransSegs of /proc/net/snmp without SYN-ACKs (the kernel sends
 * those again on another way) and without TCPRetransFail.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "compat.bpf.h"
#include "map.bpf.h"
#include "sock-filter.bpf.h"

#define LAST_NAMED_PORT 32768 /* ports above are ephemeral: of no meaning on either side */
#define ICSK_TIME_LOSS_PROBE 5

enum retransmit_type {
	RETRANSMIT = 0,
	TAIL_LOSS_PROBE = 1,
};

struct ipv4_key {
	u8 local_ip[4];
	u8 peer_ip[4];
	u16 main_port;
	u8 type;
	u8 padding;
};
_Static_assert(sizeof(struct ipv4_key) == 12, "labels of tcp_retransmit_ipv4_packets_total");

struct ipv6_key {
	u8 local_ip[16];
	u8 peer_ip[16];
	u16 main_port;
	u8 type;
	u8 padding;
};
_Static_assert(sizeof(struct ipv6_key) == 36, "labels of tcp_retransmit_ipv6_packets_total");

/*
 * LRU: peers are without number, and a host that runs for months must still see new ones; what is evicted has been read
 * and is kept by Sonde. 16384: a thousand peers a second that lose packets, read every 15 s. 3 MiB both.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct ipv4_key);
	__type(value, u64);
} tcp_retransmit_ipv4_packets_total SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct ipv6_key);
	__type(value, u64);
} tcp_retransmit_ipv6_packets_total SEC(".maps");

/* The socket that this CPU sends a loss probe for just now, 0 for none: a CPU works on one at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} probing SEC(".maps");

static __always_inline u16 main_port(const struct sock *sk)
{
	u16 local = sk->__sk_common.skc_num;
	u16 peer = bpf_ntohs(sk->__sk_common.skc_dport);
	u16 lower = local < peer ? local : peer;

	return lower > LAST_NAMED_PORT ? 0 : lower;
}

/* A dual-stack socket with an IPv4 peer sends IPv4 packets, and has the IPv4 addresses too. */
static __always_inline bool sends_ipv4(const struct sock *sk)
{
	const struct in6_addr *peer = &sk->__sk_common.skc_v6_daddr;

	if (sk->__sk_common.skc_family == AF_INET)
		return true;
	return !peer->in6_u.u6_addr32[0] && !peer->in6_u.u6_addr32[1] && peer->in6_u.u6_addr32[2] == bpf_htonl(0xffff);
}

/* Segments that this packet is on the wire, as RetransSegs counts them. TCP keeps the number in its part of skb->cb. */
static __always_inline u64 segments(const struct sk_buff *skb)
{
	const struct tcp_skb_cb *tcb = (const void *)skb->cb;

	return tcb->tcp_gso_segs;
}

static __always_inline void count_retransmit(const struct sock *sk, const struct sk_buff *skb,
					     enum retransmit_type type)
{
	if (!sock_is_wanted(sk))
		return;

	if (sends_ipv4(sk)) {
		struct ipv4_key key = {};

		*(u32 *)key.local_ip = sk->__sk_common.skc_rcv_saddr;
		*(u32 *)key.peer_ip = sk->__sk_common.skc_daddr;
		key.main_port = main_port(sk);
		key.type = type;
		map_add(&tcp_retransmit_ipv4_packets_total, &key, segments(skb));
	} else if (sk->__sk_common.skc_family == AF_INET6) {
		struct ipv6_key key = {};

		for (int i = 0; i < 4; i++) {
			((u32 *)key.local_ip)[i] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[i];
			((u32 *)key.peer_ip)[i] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[i];
		}
		key.main_port = main_port(sk);
		key.type = type;
		map_add(&tcp_retransmit_ipv6_packets_total, &key, segments(skb));
	}
}

/*
 * The tracepoint is where the kernel has sent the packet, whatever the compiler made of the functions around it: on 6.1,
 * __tcp_retransmit_skb() is inlined, and a program on it never runs. True when the attempt failed.
 */
static __always_inline bool retransmit_failed(u64 *ctx)
{
	return tcp_retransmit_skb_has_err() && (int)ctx[2];
}

/* Variant fentry: tcp_send_loss_probe() is the only one that sends loss probes, so what is sent within it is one. */

static __always_inline void set_probing(u64 sk)
{
	u32 zero = 0;
	u64 *probe = bpf_map_lookup_elem(&probing, &zero);

	if (probe)
		*probe = sk;
}

SEC("fentry/tcp_send_loss_probe")
int BPF_PROG(loss_probe_begins, struct sock *sk)
{
	set_probing((u64)sk);
	return 0;
}

SEC("fexit/tcp_send_loss_probe")
int BPF_PROG(loss_probe_ends, struct sock *sk)
{
	set_probing(0);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(retransmit_within, const struct sock *sk, const struct sk_buff *skb)
{
	u32 zero = 0;
	u64 *probe = bpf_map_lookup_elem(&probing, &zero);

	if (!retransmit_failed(ctx))
		count_retransmit(sk, skb, probe && *probe == (u64)sk ? TAIL_LOSS_PROBE : RETRANSMIT);
	return 0;
}

/* Variant tp_btf: for kernels without fentry. */

/*
 * A loss probe is sent from the socket's timer, while that is still marked as one for a probe. A probe timer can also be
 * pending while acknowledgements make the socket retransmit; but then it is in recovery, where probes are never sent.
 */
static __always_inline bool is_loss_probe(const struct tcp_sock *tp)
{
	const struct inet_connection_sock *icsk = &tp->inet_conn;

	return icsk->icsk_pending == ICSK_TIME_LOSS_PROBE &&
	       BPF_CORE_READ_BITFIELD(icsk, icsk_ca_state) < TCP_CA_Recovery;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(retransmit_by_timer, const struct sock *sk, const struct sk_buff *skb)
{
	struct tcp_sock *tp;

	if (retransmit_failed(ctx))
		return 0;
	tp = bpf_skc_to_tcp_sock((void *)sk);
	if (tp)
		count_retransmit(sk, skb, is_loss_probe(tp) ? TAIL_LOSS_PROBE : RETRANSMIT);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
