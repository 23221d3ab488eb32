/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a socket belongs to, read through BTF-typed pointers. */
#pragma once

#include "vmlinux.h"

#define AF_INET 2
#define AF_INET6 10

/* The inode number of the socket's network namespace, as in /proc/PID/ns/net. */
static __always_inline u32 sock_netns(const struct sock *sk)
{
	return sk->__sk_common.skc_net.net->ns.inum;
}

/* The id of the cgroup (v2) that the socket was made in. */
static __always_inline u64 sock_cgroup(const struct sock *sk)
{
	return sk->sk_cgrp_data.cgroup->kn->id;
}

/* The same of a network device. */
static __always_inline u32 device_netns(const struct net_device *dev)
{
	return dev->nd_net.net->ns.inum;
}
