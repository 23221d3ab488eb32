import { native, type BpfMap, type BpfObject } from '../../native/index.js';
import { compileFixture } from './compile-bpf.js';

/** Number of the kill system call, which the fixtures' programs wait for: `process.kill(pid, 0)` makes exactly one. */
export const KILL_SYSCALL = process.arch === 'arm64' ? 129 : 62;

export const BPF_RB_NO_WAKEUP = 1n;

/** Offset of `refused` in `struct command` of events.bpf.c. */
const REFUSED_OFFSET = 28;

export interface Emission {
  readonly records: number;
  /** Of each record, 8 to 16383. */
  readonly bytes: number;
  readonly flags?: bigint;
  readonly discardEvery?: number;
}

/** `test/fixtures/native/events.bpf.c`: a program that writes as many records as it is told, each with its number in front. */
export class EventFixture {
  readonly object: BpfObject;
  readonly #command: BpfMap;
  /** Number that the next record will carry. */
  next = 0n;

  constructor(program: 'write_ring' | 'write_perf', ringBytes = 65_536) {
    this.object = native.open(compileFixture('events'));
    this.#command = this.map('command');
    this.object.setGlobal('target_tgid', process.pid);
    this.object.setGlobal('target_syscall', KILL_SYSCALL);
    this.map('ring').maxEntries = ringBytes;
    for (const candidate of this.object.programs) candidate.autoload = candidate.name === program;
    this.object.load();
    this.map('contents').update(new Uint8Array(4), recordContents(0n, 16_384));
    this.object.programs.find(({ name }) => name === program)?.attach();
  }

  map(name: string): BpfMap {
    const map = this.object.maps.find((candidate) => candidate.name === name);
    if (map === undefined) throw new Error(`events.bpf.c has no map ${name}`);
    return map;
  }

  /** Writes records with the one system call; returns how many the kernel had no room for. */
  emit({ records, bytes, flags = 0n, discardEvery = 0 }: Emission): number {
    const command = new DataView(new ArrayBuffer(32));
    const little = true;
    command.setBigUint64(0, this.next, little);
    command.setBigUint64(8, flags, little);
    command.setUint32(16, records, little);
    command.setUint32(20, bytes, little);
    command.setUint32(24, discardEvery, little);
    this.#command.update(new Uint8Array(4), new Uint8Array(command.buffer));
    process.kill(process.pid, 0);
    const after = this.#command.lookup(new Uint8Array(4));
    if (after === null) throw new Error('the command is gone');
    const view = new DataView(after.buffer);
    this.next = view.getBigUint64(0, little);
    return view.getUint32(REFUSED_OFFSET, little);
  }
}

/** What a record of `bytes` bytes with this number holds. */
export function recordContents(number: bigint, bytes: number): Uint8Array {
  const record = new Uint8Array(bytes);
  for (let i = 8; i < bytes; i++) record[i] = (i * 31 + 7) & 0xff;
  new DataView(record.buffer).setBigUint64(0, number, true);
  return record;
}
