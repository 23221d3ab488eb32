import type { Host } from './host.js';
import { LabelWriter } from './series/label-writer.js';

/** Labels by name. */
export type Labels = Readonly<Record<string, string>>;

const NONE: Labels = {};

/**
 * What tells the series of one host from another's: its name, under the label `instanceLabel`, and the labels that a person
 * has given it. Where the name has another label, `instance` is there and empty: so Prometheus does not put the aggregator's
 * address to series that move from one aggregator to another. Of two hosts with one name the second (by id) has the beginning of its id behind the name.
 * @param instanceLabel undefined where there is one host, which Prometheus itself names.
 */
export function hostLabels(hosts: readonly Host[], instanceLabel: string | undefined): ReadonlyMap<Host, Labels> {
  if (instanceLabel === undefined) return new Map(hosts.map((host) => [host, NONE]));
  const labels = new Map<Host, Labels>();
  const noInstance = instanceLabel === 'instance' ? NONE : { instance: '' };
  const names = new Set<string>();
  for (const host of [...hosts].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const facts = host.manifest?.host;
    const own = facts?.hostname || host.id;
    const name = names.has(own) ? `${own}~${host.id.slice(0, 8)}` : own;
    names.add(name);
    labels.set(host, { ...noInstance, ...facts?.labels, [instanceLabel]: name });
  }
  return labels;
}

/** `a="x",b="y"`, escaped as the exposition asks, without those labels that the series have themselves. */
export function labelText(labels: Labels, without: readonly string[] = []): Buffer {
  const writer = new LabelWriter();
  for (const name of Object.keys(labels).sort()) {
    if (!without.includes(name)) writer.label(Buffer.from(`${name}="`), Buffer.from(labels[name]!));
  }
  return Buffer.from(writer.bytes.subarray(0, writer.length));
}
