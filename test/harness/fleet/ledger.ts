import { parseMetrics, select, type Sample } from '../kernel-metrics.js';

/**
 * Hops of hosts at which in is not out + lost + waiting, in words. For a fleet at rest: what is under way between two hops is in
 * none of them.
 */
export function ledgerFaults(text: string): string[] {
  const samples = parseMetrics(text);
  const entries = new Map<string, bigint[]>();
  const add = (metric: string, column: number): void => {
    for (const { labels, value } of select(samples, metric)) {
      const entry = entries.get(keyOf(labels)) ?? [0n, 0n, 0n, 0n];
      entry[column]! += BigInt(value);
      entries.set(keyOf(labels), entry);
    }
  };
  add('sonde_ledger_in_total', 0);
  add('sonde_ledger_out_total', 1);
  add('sonde_ledger_waiting', 2);
  const known = new Set(entries.keys());
  add('sonde_lost_total', 3);
  if (known.size === 0) return ['there is no ledger'];
  return [...known].flatMap((key) => {
    const [into, out, waiting, lost] = entries.get(key)! as [bigint, bigint, bigint, bigint];
    return into === out + lost + waiting ? [] : [`${key}: ${into} in, ${out} out, ${lost} lost, ${waiting} waiting`];
  });
}

function keyOf(labels: Sample['labels']): string {
  return [labels['instance'], labels['hop'], labels['config'], labels['map']].join(' ');
}
