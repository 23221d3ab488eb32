// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets that come in on the loopback interface, by sender, protocol and port: an example of a program for XDP. */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "map.bpf.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define IPV4_OFFSET 0x1fff
#define IPV4_WORD 4 /* the unit of the header's length */

struct packet_key {
	u8 ip[16]; /* of the sender; IPv4 as ::ffff:a.b.c.d */
	u16 protocol;
	u16 dst_port; /* 0: the protocol has none, or a later fragment */
};
_Static_assert(sizeof(struct packet_key) == 20, "labels of xdp_incoming_packets_total");

/* LRU: senders are without number, and can be forged. 16384: a thousand new keys a second, read every 15 s. 1.5 MiB. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct packet_key);
	__type(value, u64);
} xdp_incoming_packets_total SEC(".maps");

/* TCP and UDP both begin with the two ports. */
struct ports {
	__be16 source;
	__be16 dest;
};

static __always_inline void read_port(struct packet_key *key, const void *transport, const void *end)
{
	const struct ports *ports = transport;

	if (key->protocol != IPPROTO_TCP && key->protocol != IPPROTO_UDP)
		return;
	if ((const void *)(ports + 1) <= end)
		key->dst_port = bpf_ntohs(ports->dest);
}

static __always_inline void count_ipv4(const void *packet, const void *end)
{
	const struct iphdr *header = packet;
	struct packet_key key = {};

	if ((const void *)(header + 1) > end)
		return;
	key.ip[10] = key.ip[11] = 0xff;
	__builtin_memcpy(&key.ip[12], &header->saddr, 4);
	key.protocol = header->protocol;
	if (!(bpf_ntohs(header->frag_off) & IPV4_OFFSET))
		read_port(&key, packet + header->ihl * IPV4_WORD, end);
	map_add(&xdp_incoming_packets_total, &key, 1);
}

/* The header that follows the first is taken for the protocol: packets with extension headers are counted as those. */
static __always_inline void count_ipv6(const void *packet, const void *end)
{
	const struct ipv6hdr *header = packet;
	struct packet_key key = {};

	if ((const void *)(header + 1) > end)
		return;
	__builtin_memcpy(key.ip, &header->saddr, 16);
	key.protocol = header->nexthdr;
	read_port(&key, header + 1, end);
	map_add(&xdp_incoming_packets_total, &key, 1);
}

SEC("xdp/lo")
int count_packet(struct xdp_md *ctx)
{
	const void *packet = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct ethhdr *ethernet = packet;

	if ((const void *)(ethernet + 1) > end)
		return XDP_PASS;
	if (ethernet->h_proto == bpf_htons(ETH_P_IP))
		count_ipv4(ethernet + 1, end);
	else if (ethernet->h_proto == bpf_htons(ETH_P_IPV6))
		count_ipv6(ethernet + 1, end);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
