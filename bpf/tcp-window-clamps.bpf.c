// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How often TCP takes back a connection's receive window because its receive buffer is full: tcp_clamp_window() lowers
 * rcv_ssthresh to two segments. Compilers inline that function, so its outcome is seen from around the one that calls it.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "map.bpf.h"
#include "sock-filter.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} tcp_window_clamps_total SEC(".maps");

/*
 * Sockets that look for memory just now and may be clamped, by address; each is locked meanwhile. 4096: a CPU works on one,
 * or on another in a softirq on top; and tasks that are preempted meanwhile are few.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u8);
} candidates SEC(".maps");

/* What tcp_clamp_window() lowers rcv_ssthresh to. */
static __always_inline u32 clamped_ssthresh(const struct tcp_sock *tp)
{
	u32 segments = 2U * tp->advmss;

	return tp->window_clamp < segments ? tp->window_clamp : segments;
}

SEC("fentry/tcp_try_rmem_schedule")
int BPF_PROG(memory_wanted, struct sock *sk, struct sk_buff *skb, unsigned int size)
{
	const u8 yes = 1;
	u64 id = (u64)sk;
	struct tcp_sock *tp;

	/* The usual case: there is room. */
	if ((s64)sk->sk_backlog.rmem_alloc.counter + size <= sk->sk_rcvbuf || !sock_is_wanted(sk))
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (tp && tp->rcv_ssthresh > clamped_ssthresh(tp))
		map_set(&candidates, &id, &yes);
	return 0;
}

SEC("fexit/tcp_try_rmem_schedule")
int BPF_PROG(memory_given, struct sock *sk)
{
	u64 id = (u64)sk;
	struct tcp_sock *tp;
	u32 zero = 0;

	if (bpf_map_delete_elem(&candidates, &id))
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (tp && tp->rcv_ssthresh <= clamped_ssthresh(tp))
		map_add(&tcp_window_clamps_total, &zero, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
