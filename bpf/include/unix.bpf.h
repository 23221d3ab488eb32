/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names of Unix sockets. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define AF_UNIX 1
#define SOCK_STREAM 1
#define SOCK_SEQPACKET 5
#define UNIX_PATH_MAX 108

/*
 * Writes the name that the socket is bound to into `name`, UNIX_PATH_MAX bytes that are zeroed: a path, or `@` and an
 * abstract name. Nothing for a socket without a name.
 */
static __always_inline void read_unix_name(char *name, const struct unix_sock *sk)
{
	const struct unix_address *addr = sk->addr;
	int length;

	if (!addr)
		return;
	length = addr->len - (int)sizeof(short); /* the family comes first */
	if (length <= 0 || length > UNIX_PATH_MAX)
		return;
	bpf_probe_read_kernel(name, length, addr->name[0].sun_path);
	if (!name[0])
		name[0] = '@';
}
