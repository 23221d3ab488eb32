/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The filters of programs that are handed a socket. Whoever includes this can be aimed at a network namespace or cgroup. */
#pragma once

#include "sock.bpf.h"

/* Network namespace (inode number) or cgroup (id) of the sockets to count; 0: all. */
const volatile u32 filter_netns = 0;
const volatile u64 filter_cgroup = 0;

static __always_inline bool sock_is_wanted(const struct sock *sk)
{
	if (filter_netns && filter_netns != sock_netns(sk))
		return false;
	return !filter_cgroup || filter_cgroup == sock_cgroup(sk);
}
