import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parsePairedLines } from './kernel-truth.js';

const run = promisify(execFile);

/** MAC addresses of the two ends, and one that no one answers to. */
const CLIENT = '02:00:00:00:00:01';
const SERVER = '02:00:00:00:00:02';
const NOBODY = '02:00:00:00:00:99';
/** 10.64.0.0/24 to 10.191.255.0/24, from somewhere on: one process takes none twice, two at once hardly the same. */
const SUBNETS = 128 * 256;
let nextSubnet = randomInt(SUBNETS);

const LISTEN = '0A';
const TIME_WAIT = '06';

/** One of two network namespaces that a veth pair connects. */
export class Namespace {
  private readonly workloads: ChildProcess[] = [];

  constructor(
    readonly name: string,
    readonly ipv4: string,
    readonly ipv6: string,
    readonly mac: string,
  ) {}

  async exec(command: string, ...args: string[]): Promise<string> {
    const { stdout } = await run('ip', ['netns', 'exec', this.name, command, ...args]);
    return stdout;
  }

  /** Runs a Python program, for system calls that node does not have, and gives what it prints, which is JSON. */
  async python<T>(program: string, ...args: (string | number)[]): Promise<T> {
    return JSON.parse(await this.exec('/usr/bin/python3', '-c', program, ...args.map(String))) as T;
  }

  /** What `filter_netns` takes: the namespace's inode number. */
  async inode(): Promise<number> {
    return (await stat(`/run/netns/${this.name}`)).ino;
  }

  /** Starts one of the workloads beside this file (`workload-NAME.ts`) in this namespace; its argument is JSON. */
  spawn(workload: string, argument: unknown): ChildProcess {
    const script = fileURLToPath(new URL(`./workload-${workload}.js`, import.meta.url));
    const args = ['netns', 'exec', this.name, process.execPath, script, JSON.stringify(argument)];
    const child = spawn('ip', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.workloads.push(child);
    return child;
  }

  /** The same, to its end. */
  async run(workload: string, argument: unknown): Promise<void> {
    await ended(this.spawn(workload, argument));
  }

  /** /proc/net/snmp and /proc/net/netstat of this namespace. */
  async counters(): Promise<Map<string, number>> {
    const text = await this.exec('cat', '/proc/net/snmp', '/proc/net/netstat');
    return parsePairedLines(text);
  }

  /** IPv6's, such as `Icmp6InMsgs`: /proc/net/snmp6 of this namespace. */
  async counters6(): Promise<Map<string, number>> {
    const lines = (await this.exec('cat', '/proc/net/snmp6')).trim().split('\n');
    return new Map(
      lines.map((line) => {
        const [name, value] = line.split(/\s+/);
        return [name!, Number(value)];
      }),
    );
  }

  /** Ends the workloads that are left, as after a failure, and removes the namespace. */
  async close(): Promise<void> {
    for (const workload of this.workloads) workload.kill('SIGKILL');
    await run('ip', ['netns', 'del', this.name]);
  }

  /** Resolves when no TCP socket of this namespace can send any more, so that counters stand still. */
  async quiet(timeoutMs = 60_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const sockets = (await this.exec('cat', '/proc/net/tcp', '/proc/net/tcp6')).split('\n');
      const states = sockets
        .map((line) => line.trim().split(/\s+/)[3])
        .filter((state) => /^[0-9A-F]{2}$/.test(state ?? ''));
      const active = states.filter((state) => state !== LISTEN && state !== TIME_WAIT);
      if (active.length === 0) return;
      if (Date.now() > deadline) throw new Error(`${this.name}: sockets still in states ${active.join(' ')}`);
      await sleep(100);
    }
  }
}

/** Two namespaces, `client` and `server`, that only see each other. Their addresses are no one else's on this machine. */
export class Network {
  private constructor(
    readonly client: Namespace,
    readonly server: Namespace,
  ) {}

  static async create(): Promise<Network> {
    const subnet = nextSubnet++ % SUBNETS;
    const [a, b] = [64 + (subnet >> 8), subnet & 0xff];
    const name = `sonde-test-${process.pid}-${a}-${b}`;
    const [subnet4, subnet6] = [`10.${a}.${b}`, `fd5a:${a.toString(16)}:${b.toString(16)}:`];
    const network = new Network(
      new Namespace(`${name}-c`, `${subnet4}.1`, `${subnet6}:1`, CLIENT),
      new Namespace(`${name}-s`, `${subnet4}.2`, `${subnet6}:2`, SERVER),
    );
    const { client, server } = network;
    await run('ip', ['netns', 'add', client.name]);
    await run('ip', ['netns', 'add', server.name]);
    await run('ip', [
      '-n',
      client.name,
      'link',
      'add',
      'veth0',
      'type',
      'veth',
      'peer',
      'name',
      'veth0',
      'netns',
      server.name,
    ]);
    for (const side of [client, server]) {
      await run('ip', ['-n', side.name, 'addr', 'add', `${side.ipv4}/24`, 'dev', 'veth0']);
      await run('ip', ['-n', side.name, 'addr', 'add', `${side.ipv6}/64`, 'dev', 'veth0', 'nodad']);
      await run('ip', ['-n', side.name, 'link', 'set', 'lo', 'up']);
      await run('ip', ['-n', side.name, 'link', 'set', 'veth0', 'address', side.mac, 'up']);
    }
    // Told, not asked for: when the questions are lost, connections fail.
    await network.setNeighbour(client, server, server.mac);
    await network.setNeighbour(server, client, client.mac);
    return network;
  }

  private async setNeighbour(from: Namespace, to: Namespace, mac: string): Promise<void> {
    for (const address of [to.ipv4, to.ipv6]) {
      await run('ip', [
        '-n',
        from.name,
        'neigh',
        'replace',
        address,
        'lladdr',
        mac,
        'dev',
        'veth0',
        'nud',
        'permanent',
      ]);
    }
  }

  /** From now on, what the client sends is lost: the server's addresses belong to a MAC address that is no one's. */
  async lose(): Promise<void> {
    await this.setNeighbour(this.client, this.server, NOBODY);
  }

  async close(): Promise<void> {
    await Promise.all([this.client.close(), this.server.close()]);
  }
}

/** Resolves when the process ended with status 0. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  if (child.exitCode !== 0) throw new Error(`workload ended with ${child.signalCode ?? `status ${child.exitCode}`}`);
}

/** Resolves when the process has written this line. */
export async function says(child: ChildProcess, line: string): Promise<void> {
  let text = '';
  for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.split('\n').includes(line)) return;
  }
  throw new Error(`workload ended without saying ${line}: ${text}`);
}

/** A network that is there before Sonde starts, so that probes can be aimed at it. */
export class NetworkFixture {
  private network: Network | undefined;
  private serverInode = 0;

  async create(): Promise<void> {
    this.network = await Network.create();
    this.serverInode = await this.server.inode();
  }

  get client(): Namespace {
    return this.network!.client;
  }

  get server(): Namespace {
    return this.network!.server;
  }

  /** Filters for what happens in the server's namespace. */
  get aim(): { filter_netns: number } {
    return { filter_netns: this.serverInode };
  }

  async close(): Promise<void> {
    await this.network?.close();
  }
}
