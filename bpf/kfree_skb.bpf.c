// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets that the kernel drops, by protocol, port and reason. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "drop-reason.bpf.h"
#include "map.bpf.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define FRAGMENT_OFFSET 0x1fff
#define LAST_NAMED_PORT 32768 /* ports above are ephemeral */

struct drop_key {
	u16 eth_proto;
	u16 ip_proto;
	u16 port;
	u16 reason;
};
_Static_assert(sizeof(struct drop_key) == 8, "labels of kfree_skb_total");

/* Network namespace (inode number) of the device that the packet is on; 0: all. */
const volatile u32 filter_netns = 0;

/* LRU: whoever sends packets chooses the port. 16384: a thousand of them, each with some protocols and reasons. 1.5 MiB. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct drop_key);
	__type(value, u64);
} kfree_skb_total SEC(".maps");

/* The lower port is the service's. 0 when both are ephemeral. `transport` is where the TCP or UDP header begins. */
static __always_inline u16 service_port(const void *transport)
{
	__be16 ports[2] = {};
	u16 source, destination, lower;

	if (bpf_probe_read_kernel(ports, sizeof(ports), transport))
		return 0;
	source = bpf_ntohs(ports[0]);
	destination = bpf_ntohs(ports[1]);
	lower = source < destination ? source : destination;
	return lower > LAST_NAMED_PORT ? 0 : lower;
}

/* What is dropped early may not have its headers where the packet says: then there is no IP version there either. */
static __always_inline void read_headers(struct drop_key *key, const unsigned char *network)
{
	u8 first = 0, protocol = 0;
	__be16 fragment = 0;
	u32 header_bytes;

	if (bpf_probe_read_kernel(&first, sizeof(first), network))
		return;
	if (key->eth_proto == ETH_P_IP && first >> 4 == 4) {
		header_bytes = (first & 0xf) * 4;
		bpf_probe_read_kernel(&protocol, sizeof(protocol), network + offsetof(struct iphdr, protocol));
		bpf_probe_read_kernel(&fragment, sizeof(fragment), network + offsetof(struct iphdr, frag_off));
	} else if (key->eth_proto == ETH_P_IPV6 && first >> 4 == 6) {
		header_bytes = sizeof(struct ipv6hdr);
		bpf_probe_read_kernel(&protocol, sizeof(protocol), network + offsetof(struct ipv6hdr, nexthdr));
	} else {
		return;
	}
	key->ip_proto = protocol;
	if (bpf_ntohs(fragment) & FRAGMENT_OFFSET) /* only a datagram's first fragment has ports */
		return;
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP)
		key->port = service_port(network + header_bytes);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(packet_dropped, struct sk_buff *skb)
{
	struct drop_key key = {};

	if (filter_netns && (!skb->dev || filter_netns != skb->dev->nd_net.net->ns.inum))
		return 0;
	key.eth_proto = bpf_ntohs(skb->protocol);
	/* The third argument came with the reasons, in 5.17. */
	key.reason = bpf_core_type_exists(enum skb_drop_reason) ? drop_reason(ctx[2]) : SKB_DROP_REASON_NOT_SPECIFIED;
	read_headers(&key, skb->head + skb->network_header);
	map_add(&kfree_skb_total, &key, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
