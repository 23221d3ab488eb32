// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Python modules that are looked for, by name: a probe on a marker (USDT) that a program brings along. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>
#include "map.bpf.h"

#define MODULE_LEN 64

struct module_key {
	char module[MODULE_LEN]; /* cut, with a NUL at the end */
};
_Static_assert(sizeof(struct module_key) == MODULE_LEN, "labels of python_module_imports_total");

/* Process (tgid) or cgroup (id) whose imports are counted; 0: all. */
const volatile u32 filter_tgid = 0;
const volatile u64 filter_cgroup = 0;

/* LRU: programs choose the names. 4096: the standard library has 300 modules, a large service a few thousand. 0.5 MiB. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct module_key);
	__type(value, u64);
} python_module_imports_total SEC(".maps");

static __always_inline bool is_wanted(void)
{
	if (filter_tgid && filter_tgid != bpf_get_current_pid_tgid() >> 32)
		return false;
	return !filter_cgroup || filter_cgroup == bpf_get_current_cgroup_id();
}

SEC("usdt//usr/bin/python3:python:import__find__load__start")
int BPF_USDT(import_starts, const char *module)
{
	struct module_key key = {};

	if (!is_wanted())
		return 0;
	bpf_probe_read_user_str(key.module, sizeof(key.module), module);
	map_add(&python_module_imports_total, &key, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
