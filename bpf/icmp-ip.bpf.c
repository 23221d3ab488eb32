// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ICMP packets received, by who sent them. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "map.bpf.h"
#include "packet.bpf.h"

#define IPPROTO_ICMPV6 58

/* LRU: senders are without number, and can be forged. 16384 each: a thousand new ones a second, read every 15 s. 2.4 MiB both. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct in_addr);
	__type(value, u64);
} icmp4_received_packets_total SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct in6_addr);
	__type(value, u64);
} icmp6_received_packets_total SEC(".maps");

/* Variant fentry: what reaches ICMP, reassembled, and for this host. */

SEC("fentry/icmp_rcv")
int BPF_PROG(icmp4_received, struct sk_buff *skb)
{
	struct iphdr header;

	if (packet_is_wanted(skb) && read_network_header(&header, sizeof(header), skb))
		map_add(&icmp4_received_packets_total, &header.saddr, 1);
	return 0;
}

SEC("fentry/icmpv6_rcv")
int BPF_PROG(icmp6_received, struct sk_buff *skb)
{
	struct ipv6hdr header;

	if (packet_is_wanted(skb) && read_network_header(&header, sizeof(header), skb))
		map_add(&icmp6_received_packets_total, &header.saddr, 1);
	return 0;
}

/* Variant tp_btf, for kernels without fentry: what comes in on a device; of a fragmented packet the first fragment. */

static __always_inline void count_icmp4(const struct sk_buff *skb)
{
	struct iphdr header;

	if (read_next_header(&header, sizeof(header), skb) && header.protocol == IPPROTO_ICMP &&
	    !(bpf_ntohs(header.frag_off) & IPV4_OFFSET))
		map_add(&icmp4_received_packets_total, &header.saddr, 1);
}

static __always_inline void count_icmp6(const struct sk_buff *skb)
{
	struct ipv6hdr header;

	if (read_next_header(&header, sizeof(header), skb) && header.nexthdr == IPPROTO_ICMPV6)
		map_add(&icmp6_received_packets_total, &header.saddr, 1);
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(packet_received, struct sk_buff *skb)
{
	if (BPF_CORE_READ_BITFIELD(skb, pkt_type) == PACKET_OTHERHOST || !packet_is_wanted(skb))
		return 0;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		count_icmp4(skb);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		count_icmp6(skb);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
