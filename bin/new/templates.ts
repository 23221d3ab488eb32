/** The files of a new probe: it counts programs that are executed, which every kernel does and a test can count itself. */

export interface NewProbe {
  /** In kebab-case. */
  readonly name: string;
  /** The same with underscores: of the map and the metric. */
  readonly snake: string;
  /** Folder of the headers. */
  readonly include: string;
  /** Command that runs Sonde. */
  readonly sonde: string;
}

export function program({ snake }: NewProbe): string {
  return `// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs executed, by the name of the process afterwards. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "map.bpf.h"

/* As the labels in the YAML, in their order. */
struct exec_key {
	char comm[16];
};

_Static_assert(sizeof(struct exec_key) == 16, "the sizes in the YAML add up to this");

/*
 * Named as the metric. Names are chosen by whoever runs programs, so that there is no end to them: LRU, in which new ones
 * find room. 4096: more than a machine runs in a minute.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct exec_key);
	__type(value, u64);
} ${snake}_execs_total SEC(".maps");

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec)
{
	struct exec_key key = {};

	bpf_get_current_comm(key.comm, sizeof(key.comm));
	map_add(&${snake}_execs_total, &key, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
`;
}

export function yaml({ snake }: NewProbe): string {
  return `# yaml-language-server: $schema=./probe.schema.json
# Which programs are executed, and how often?
metrics:
  counters:
    - name: ${snake}_execs_total
      help: Programs executed, by the name of the process afterwards
      labels:
        - name: comm
          size: 16
          decoders:
            - name: string
`;
}

export function test({ name, snake }: NewProbe): string {
  return `// Runs the probe, executes a known number of programs, and compares. Needs root: make test
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

const SONDE = (process.env.SONDE ?? 'sonde').split(' ');
const COUNT = 23;
/** A name that nobody else's process has. */
const COMM = \`t\${process.pid}\`;
const folder = mkdtempSync(join(tmpdir(), '${name}-'));

let sonde;
let url;

before(async () => {
  const args = ['run', '--config.dir', import.meta.dirname, '--config.names', '${name}', '--config.strict'];
  const [command, ...rest] = SONDE;
  sonde = spawn(command, [...rest, ...args, '--web.listen-address', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  for await (const chunk of sonde.stdout) {
    output += chunk;
    url = /^metrics +(\\S+)\\n[^]*^attached/m.exec(output)?.[1];
    if (url !== undefined) return;
  }
  throw new Error(\`sonde ended: \${output}\`);
});

after(async () => {
  sonde.kill('SIGTERM');
  if (sonde.exitCode === null) await once(sonde, 'exit');
  rmSync(folder, { recursive: true });
});

/** What the probe has counted for processes of this name. */
async function counted(comm) {
  const text = await (await fetch(url)).text();
  const line = text.split('\\n').find((one) => one.startsWith(\`ebpf_exporter_${snake}_execs_total{comm="\${comm}"}\`));
  return line === undefined ? 0 : Number(line.split(' ').at(-1));
}

test('counts each execution of a program', async () => {
  const program = join(folder, COMM);
  copyFileSync('/bin/true', program);
  for (let i = 0; i < COUNT; i++) execFileSync(program);
  assert.equal(await counted(COMM), COUNT);
});

test('counts none that was not executed', async () => {
  assert.equal(await counted(\`\${COMM}x\`), 0);
});
`;
}

export function makefile({ name, include, sonde }: NewProbe): string {
  return `# make: builds; make check, test, run: with root
NAME := ${name}
SONDE ?= ${sonde}
INCLUDE ?= ${include}
ARCH := $(if $(filter aarch64,$(shell uname -m)),arm64,x86)

$(NAME).bpf.o: $(NAME).bpf.c
	clang -g -O2 -Wall -Werror -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -I$(INCLUDE) -c $< -o $@
	llvm-strip -g $@

.PHONY: check test run clean
check: $(NAME).bpf.o
	$(SONDE) check --config.dir . --config.names $(NAME)
test: $(NAME).bpf.o
	SONDE="$(SONDE)" node --test $(NAME).test.mjs
run: $(NAME).bpf.o
	$(SONDE) run --config.dir . --config.names $(NAME)
clean:
	rm -f $(NAME).bpf.o
`;
}
