import { METRIC_PREFIX } from '../aggregator/served.js';
import type { MetricReport } from '../collector/check/check-probe.js';
import type { ProgramCost } from '../collector/check/measure.js';
import type { Probe } from '../collector/probe/probe.js';
import { textTable } from '../lib/text-table.js';
import type { ProbeConfig } from '../wire/config/schema.js';
import type { Field } from '../wire/layout/fields.js';
import { typeText } from '../wire/layout/type-layout.js';

/** What is known of a config after `sonde check`. */
export interface CheckedProbe {
  readonly config: ProbeConfig;
  readonly metrics: readonly MetricReport[];
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
  /** Undefined: it was not loaded. */
  readonly probe: Probe | undefined;
}

/** A probe's part of the output. `costs`: by program id. */
export function checkText(
  { config, metrics, faults, warnings, probe }: CheckedProbe,
  costs: ReadonlyMap<number, ProgramCost>,
): string {
  const state = faults.length > 0 ? 'faults' : warnings.length > 0 ? 'warnings' : 'ok';
  return [
    `${config.name}: ${state}\n`,
    ...faults.map((fault) => `  fault: ${indented(fault)}\n`),
    ...warnings.map((warning) => `  warning: ${indented(warning)}\n`),
    ...(probe === undefined ? [] : [programText(probe, costs)]),
    ...metrics.map(metricText),
  ].join('');
}

function programText({ programs, refusedVariants }: Probe, costs: ReadonlyMap<number, ProgramCost>): string {
  const variants = refusedVariants.map(({ name, reason }) => `  variant ${name} is not used: ${reason}\n`);
  const rows = programs.map(({ id, name, section, attached, reason }) => [
    `  program ${name}`,
    section,
    attached ? `attaches${costText(costs.get(id))}` : `does not attach: ${reason}`,
  ]);
  return variants.join('') + textTable(rows);
}

function costText(cost: ProgramCost | undefined): string {
  if (cost === undefined) return '';
  const { runsPerSecond, nanosecondsPerRun, corePercent } = cost;
  if (runsPerSecond === 0) return '; did not run while it was watched';
  const [runs, ns] = [Math.ceil(runsPerSecond), Math.round(nanosecondsPerRun)];
  return `; ${runs} runs/s of ${ns} ns: ${corePercent.toFixed(corePercent < 0.1 ? 3 : 1)} % of a core`;
}

function metricText({ metric, source, fields, maxSeries, maxRows }: MetricReport): string {
  const buckets = metric.type === 'histogram' ? ', each with its buckets' : '';
  const series = maxSeries === undefined ? openText(maxRows) : seriesText(maxSeries);
  const lines = fields.map((field) => [`    ${field.name}`, placeText(field), typeOf(field), chainText(field)]);
  return `  ${metric.type} ${METRIC_PREFIX}${metric.name}: ${source}; ${series}${buckets}\n${textTable(lines)}`;
}

function seriesText(count: number): string {
  return count === 1 ? '1 series' : `at most ${count} series`;
}

/** Nothing but what happens bounds them. */
function openText(maxRows: number | undefined): string {
  if (maxRows === undefined) return 'a series for each label set of its events, unless limits bound them';
  return `at most ${maxRows} rows at a time, and the series of those that have gone, unless limits end them`;
}

function placeText({ offset, size, bits }: Field): string {
  if (bits !== undefined) return `bits ${offset * 8 + bits.offset}–${offset * 8 + bits.offset + bits.length - 1}`;
  return size === 1 ? `byte ${offset}` : `bytes ${offset}–${offset + size - 1}`;
}

function typeOf({ type }: Field): string {
  return type === null ? 'no whole member' : typeText(type);
}

function chainText({ decoders }: Field): string {
  return decoders.length === 0 ? 'as its type says' : decoders.map(({ name }) => name).join(' → ');
}

function indented(text: string): string {
  return text.replaceAll('\n', '\n    ');
}
