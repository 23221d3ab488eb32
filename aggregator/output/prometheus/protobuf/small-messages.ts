import type { Registry } from 'prom-client';
import type { SmallFamily } from '../small-family.js';
import {
  FAMILY,
  familyMessage,
  HISTOGRAM,
  METRIC,
  putBucket,
  putCount,
  putDoubleField,
  putLabel,
  putValue,
  within,
} from './message.js';
import type { BinaryWriter } from '@bufbuild/protobuf/wire';

type Labels = Readonly<Record<string, string | number | undefined>>;

/** The family as one message; nothing without samples. */
export function smallMessage({ name, help, type, samples }: SmallFamily): Buffer {
  if (samples.length === 0) return Buffer.alloc(0);
  const message = familyMessage({ name, help, type });
  for (const { labels, value } of samples) {
    const metric = labelled(message, labels);
    putValue(metric, type, Number(value));
    metric.join();
  }
  return Buffer.from(message.join().finish());
}

/** A value of prom-client's: those of a histogram have names of their own, and buckets come in ascending order. */
interface OwnValue {
  readonly labels: Labels;
  readonly value: number;
  readonly metricName?: string;
}

/** Sonde's own metrics: counters, gauges and histograms. */
export async function ownMessages(registry: Registry): Promise<Buffer> {
  const messages: Uint8Array[] = [];
  for (const { name, help, type, values } of await registry.getMetricsAsJSON()) {
    // The declared type is an enum of numbers, but what comes is its name.
    const kind = String(type);
    if (kind === 'histogram') messages.push(histogramMessage(name, help, values));
    else if (kind === 'counter' || kind === 'gauge') {
      const samples = (values as OwnValue[]).map(({ labels, value }) => ({ labels: textLabels(labels), value }));
      messages.push(smallMessage({ name, help, type: kind, samples }));
    }
  }
  return Buffer.concat(messages);
}

function histogramMessage(name: string, help: string, values: readonly OwnValue[]): Uint8Array {
  const series = new Map<string, OwnValue[]>();
  for (const value of values) {
    const key = JSON.stringify(Object.entries({ ...value.labels, le: undefined }).sort());
    const known = series.get(key);
    if (known === undefined) series.set(key, [value]);
    else known.push(value);
  }
  const message = familyMessage({ name, help, type: 'histogram' });
  for (const parts of series.values()) {
    const metric = labelled(message, { ...parts[0]!.labels, le: undefined });
    const histogram = within(metric, METRIC.histogram);
    for (const { labels, value, metricName } of parts) {
      if (metricName === `${name}_sum`) putDoubleField(histogram, HISTOGRAM.sampleSum, value);
      else if (metricName === `${name}_count`) putCount(histogram, HISTOGRAM.sampleCount, BigInt(value));
      else if (labels['le'] !== '+Inf') putBucket(histogram, Number(labels['le']), BigInt(value));
    }
    histogram.join();
    metric.join();
  }
  return message.join().finish();
}

function labelled(message: BinaryWriter, labels: Labels): BinaryWriter {
  const metric = within(message, FAMILY.metric);
  for (const [name, value] of Object.entries(textLabels(labels)))
    putLabel(metric, Buffer.from(name), Buffer.from(value));
  return metric;
}

function textLabels(labels: Labels): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}
