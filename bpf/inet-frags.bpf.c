// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fragments of IP packets received, by interface. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "map.bpf.h"
#include "packet.bpf.h"

struct frags_key {
	u32 interface; /* index; 0: not known */
	u32 ip_version;
};
_Static_assert(sizeof(struct frags_key) == 8, "labels of inet_frags_total");

/* LRU: containers' interfaces come and go. 4096: both versions on 2048 interfaces. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct frags_key);
	__type(value, u64);
} inet_frags_total SEC(".maps");

static __always_inline void count_fragment(const struct sk_buff *skb, u32 ip_version)
{
	struct frags_key key = {};

	key.interface = skb->dev->ifindex;
	key.ip_version = ip_version;
	map_add(&inet_frags_total, &key, 1);
}

/* Variant fentry: what is given to reassembly. */

SEC("fentry/ip_defrag")
int BPF_PROG(fragment4_received, struct net *net, struct sk_buff *skb)
{
	if (packet_is_wanted(skb))
		count_fragment(skb, 4);
	return 0;
}

SEC("fentry/ipv6_frag_rcv")
int BPF_PROG(fragment6_received, struct sk_buff *skb)
{
	if (packet_is_wanted(skb))
		count_fragment(skb, 6);
	return 0;
}

/* Variant tp_btf, for kernels without fentry: what comes in on a device, also what this host only forwards. */

static __always_inline bool is_fragment4(const struct sk_buff *skb)
{
	struct iphdr header;

	return read_next_header(&header, sizeof(header), skb) && bpf_ntohs(header.frag_off) & IPV4_FRAGMENT;
}

static __always_inline bool is_fragment6(const struct sk_buff *skb)
{
	struct ipv6hdr header;

	return read_next_header(&header, sizeof(header), skb) && header.nexthdr == NEXTHDR_FRAGMENT;
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(packet_received, struct sk_buff *skb)
{
	if (BPF_CORE_READ_BITFIELD(skb, pkt_type) == PACKET_OTHERHOST || !packet_is_wanted(skb))
		return 0;
	if (skb->protocol == bpf_htons(ETH_P_IP) && is_fragment4(skb))
		count_fragment(skb, 4);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6) && is_fragment6(skb))
		count_fragment(skb, 6);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
