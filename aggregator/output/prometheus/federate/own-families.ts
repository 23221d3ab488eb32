import type { Registry } from 'prom-client';
import type { Sample, SmallFamily } from '../small-family.js';

/** Values of prom-client's metrics as it gives them: those of a histogram have names of their own. */
interface OwnValue {
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  readonly value: number;
  readonly metricName?: string;
}

/** Sonde's own metrics, each name a family. */
export async function ownFamilies(registry: Registry): Promise<SmallFamily[]> {
  const families = new Map<string, Sample[]>();
  for (const { name: familyName, values } of await registry.getMetricsAsJSON()) {
    for (const { labels, value, metricName: name = familyName } of values as OwnValue[]) {
      const sample = { labels: textLabels(labels), value };
      const samples = families.get(name);
      if (samples === undefined) families.set(name, [sample]);
      else samples.push(sample);
    }
  }
  return [...families].map(([name, samples]) => ({ name, help: '', type: 'gauge', samples }));
}

function textLabels(labels: OwnValue['labels']): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value ?? '')]));
}
