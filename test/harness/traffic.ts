import type { ConsumedRecord } from '../../wire/bus.js';
import { FrameSource } from './frames.js';
import { randomInteger } from '../../lib/random.js';

/** A host of {@link randomTraffic}: its collector now, and what its map has. */
interface MadeHost {
  readonly id: string;
  source: FrameSource;
  session: number;
  epoch: number;
  /** By slot: generation, key, value. */
  rows: [number, number, bigint][];
}

/**
 * Records of some hosts of one partition, with all that happens to collectors: rows that rise, end and begin again, restarts,
 * reloads, repeated and lost frames, facts. Without end.
 */
export function* randomTraffic(random: () => number, hosts = 5): Generator<ConsumedRecord> {
  const made = Array.from({ length: hosts }, (_, i): MadeHost => newHost(`host-${i}`));
  const sent: { key: string; value: Uint8Array }[] = [];
  let offset = 0n;
  for (;;) {
    const host = made[randomInteger(random, hosts)]!;
    const isRepeated = sent.length > 0 && random() < 0.05;
    const record = isRepeated ? sent[randomInteger(random, sent.length)]! : { key: host.id, value: next(host, random) };
    if (random() < 0.03) continue; // lost on the way
    sent.push(record);
    if (sent.length > 20) sent.shift();
    // Not every offset is a record's: Kafka has markers of its own.
    offset += random() < 0.1 ? 2n : 1n;
    yield { ...record, offset, timestampMs: Number(offset) * 1000 };
  }
}

function newHost(id: string): MadeHost {
  return { id, source: new FrameSource(0, id), session: 0, epoch: 0, rows: [] };
}

function next(host: MadeHost, random: () => number): Uint8Array {
  if (host.session === 0 || random() < 0.02) {
    host.source = new FrameSource(++host.session, host.id);
    host.epoch = 1;
    host.rows = [];
    return host.source.manifest(1);
  }
  const roll = random();
  if (roll < 0.02) {
    host.rows = [];
    return host.source.manifest(++host.epoch);
  }
  if (roll < 0.1) return host.source.lookup(BigInt(randomInteger(random, 50)), `function_${randomInteger(random, 9)}`);
  if (roll < 0.15) return host.source.health();
  if (roll < 0.4) return records(host, random);
  const slots = [...new Set(Array.from({ length: 1 + randomInteger(random, 20) }, () => randomInteger(random, 40)))];
  const rows = slots.map((slot) => {
    const [generation, key, value] = host.rows[slot] ?? [0, 0, 0n];
    const isNew = generation === 0 || random() < 0.1;
    const row: [number, number, bigint] = isNew
      ? [generation + 1, randomInteger(random, 60), BigInt(randomInteger(random, 1000))]
      : [generation, key, value + BigInt(randomInteger(random, 2 ** 31)) ** 2n];
    host.rows[slot] = row;
    return [slot, ...row] as const;
  });
  const isCalls = random() < 0.3;
  return host.source.rows(
    rows.map(([slot, generation, key, value]) => [slot, generation, isCalls ? BigInt(key) : key, value]),
    host.epoch,
  );
}

function records({ source, epoch }: MadeHost, random: () => number): Uint8Array {
  if (random() < 0.1) return source.recordBytes([new Uint8Array(randomInteger(random, 24))], epoch);
  const made = Array.from({ length: randomInteger(random, 30) }, () => ({
    key: randomInteger(random, 60),
    level: randomInteger(random, 100) - 50,
    amount: BigInt(randomInteger(random, 2 ** 31)) ** 2n,
    port: randomInteger(random, 5),
  }));
  return source.records(made, epoch);
}
