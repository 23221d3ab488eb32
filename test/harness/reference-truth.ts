import { decodeFrame, type Frame, type Manifest, type MapRows, type Records } from '../../wire/frame.js';
import { keyOf, measure, readEvent, series, type Bytes } from './reference-decode.js';

/** One sample that an aggregator must show. */
export interface Sample {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
}

interface Row {
  generation: number;
  value: bigint;
  cell: Cell;
}

interface Cell {
  value: bigint;
}

interface HostModel {
  session: string;
  readonly over: Set<string>;
  recordsSeq: bigint;
  stateSeq: bigint;
  manifest: Manifest;
  facts: Map<string, string>;
  /** By config id, epoch, map id and slot. */
  rows: Map<string, Row>;
  /** By metric, labels and bucket, as JSON. */
  readonly cells: Map<string, Cell>;
}

/**
 * What all frames of a topic come to, read in order, by plain maps and bigint: nothing of the aggregator but the envelope's codec.
 * For hosts of `sonde simulate` only: of their configs it knows by heart what the bytes mean.
 */
export class ReferenceTruth {
  readonly #hosts = new Map<string, HostModel>();

  /** One record of the topic. Repetitions and frames of sessions that are over change nothing. */
  take(value: Uint8Array): void {
    const frame = decodeFrame(value);
    const session = Buffer.from(frame.session).toString('hex');
    let host = this.#hosts.get(frame.hostId);
    if (host?.session !== session) {
      if (host?.over.has(session) === true || frame.body.case !== 'manifest') return;
      host = begin(host, session, frame.body.value);
      this.#hosts.set(frame.hostId, host);
    }
    if (!isNew(host, frame)) return;
    apply(host, frame);
  }

  /** All samples, with the labels of their host. */
  *samples(prefix: string): Generator<Sample> {
    for (const { manifest, cells } of this.#hosts.values()) {
      const host = { ...manifest.host!.labels, instance: manifest.host!.hostname };
      yield* series(cells, prefix, host);
    }
  }
}

function begin(before: HostModel | undefined, session: string, manifest: Manifest): HostModel {
  before?.over.add(before.session);
  return {
    session,
    over: before?.over ?? new Set(),
    recordsSeq: 0n,
    stateSeq: 0n,
    manifest,
    facts: new Map(),
    rows: new Map(),
    cells: before?.cells ?? new Map<string, Cell>(),
  };
}

function isNew(host: HostModel, { stateSeq, recordsSeq }: Frame): boolean {
  if (stateSeq > 0n) {
    if (stateSeq <= host.stateSeq) return false;
    host.stateSeq = stateSeq;
    return true;
  }
  if (recordsSeq <= host.recordsSeq) return false;
  host.recordsSeq = recordsSeq;
  return true;
}

function apply(host: HostModel, { body }: Frame): void {
  switch (body.case) {
    case 'manifest':
      host.manifest = body.value;
      return;
    case 'lookup':
      body.value.ids.forEach((id, i) =>
        host.facts.set(`${body.value.kind}:${id}`, Buffer.from(body.value.names[i]!).toString()),
      );
      return;
    case 'mapRows':
      return applyRows(host, body.value);
    case 'records':
      return applyRecords(host, body.value);
    case 'health':
    case undefined:
      return;
  }
}

function applyRows(host: HostModel, frame: MapRows): void {
  const config = host.manifest.configs.find(({ id }) => id === frame.configId)!;
  if (config.epoch !== frame.epoch) return;
  const map = config.maps.find(({ id }) => id === frame.mapId)!;
  const bytes = bytesOf(host);
  const slots = new DataView(Uint8Array.from(frame.slots).buffer);
  const generations = new DataView(Uint8Array.from(frame.generations).buffer);
  const values = new DataView(Uint8Array.from(frame.values).buffer);
  for (let row = 0; row * 4 < slots.byteLength; row++) {
    const generation = generations.getUint32(row * 4, true);
    const value = values.getBigUint64(row * 8, bytes.littleEndian);
    const id = `${frame.configId}/${frame.epoch}/${frame.mapId}/${slots.getUint32(row * 4, true)}`;
    let known = host.rows.get(id);
    if (known !== undefined && known.generation > generation) continue;
    if (known?.generation !== generation) {
      const key = frame.keys.subarray(row * map.keySize, (row + 1) * map.keySize);
      known = { generation, value: 0n, cell: cellOf(host, keyOf(map.name, key, bytes)) };
      host.rows.set(id, known);
    }
    known.cell.value = BigInt.asUintN(64, known.cell.value + value - known.value);
    known.value = value;
  }
}

function applyRecords(host: HostModel, frame: Records): void {
  const config = host.manifest.configs.find(({ id }) => id === frame.configId)!;
  if (config.epoch !== frame.epoch) return;
  const lengths = new DataView(Uint8Array.from(frame.lengths).buffer);
  for (let record = 0, at = 0; record * 4 < lengths.byteLength; record++) {
    const length = lengths.getUint32(record * 4, true);
    const event = readEvent(frame.data.subarray(at, at + length), bytesOf(host));
    for (const { key, add, set } of measure(event)) {
      const cell = cellOf(host, key);
      if (set !== undefined) cell.value = set;
      else cell.value = BigInt.asUintN(64, cell.value + add);
    }
    at += Math.ceil(length / 8) * 8;
  }
}

function bytesOf(host: HostModel): Bytes {
  return { littleEndian: host.manifest.host!.littleEndian, fact: (kind, id) => host.facts.get(`${kind}:${id}`) };
}

function cellOf(host: HostModel, key: string): Cell {
  let cell = host.cells.get(key);
  if (cell === undefined) host.cells.set(key, (cell = { value: 0n }));
  return cell;
}
