/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Headers of received packets. They are no BTF-typed memory: reading them needs bpf_probe_read_kernel. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "sock.bpf.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define PACKET_OTHERHOST 3
#define IPV4_FRAGMENT 0x3fff /* more fragments, or an offset */
#define IPV4_OFFSET 0x1fff
#define NEXTHDR_FRAGMENT 44

/* Network namespace (inode number) of the device that received the packet; 0: all. */
const volatile u32 filter_netns = 0;

static __always_inline bool packet_is_wanted(const struct sk_buff *skb)
{
	return !filter_netns || filter_netns == device_netns(skb->dev);
}

/* False when it cannot be read. The header's place is known once the packet is in the IP layer ... */
static __always_inline bool read_network_header(void *header, u32 size, const struct sk_buff *skb)
{
	return bpf_probe_read_kernel(header, size, skb->head + skb->network_header) == 0;
}

/* ... and at the tracepoint netif_receive_skb, where it is what comes next. */
static __always_inline bool read_next_header(void *header, u32 size, const struct sk_buff *skb)
{
	return bpf_probe_read_kernel(header, size, skb->data) == 0;
}
