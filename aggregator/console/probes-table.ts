import type { Config, Manifest, Program } from '../../wire/frame.js';
import { labelsOf, systemOf } from './hosts-table.js';
import { html, NOTHING, type Html } from './html.js';

/** One host: what it is, and what became of each program of its probes. */
export function hostSection({ host, configs }: Manifest): Html {
  return html`<section>
    <h2>${host?.hostname ?? 'Host'} <small>${systemOf(host)}</small> ${labelsOf(host)}</h2>
    <table>
      <thead>
        <tr>
          <th>Probe</th>
          <th>Program</th>
          <th>Section</th>
          <th>State</th>
        </tr>
      </thead>
      ${configs.map(probe)}
    </table>
  </section>`;
}

function probe({ name, programs, silentMetrics }: Config): Html {
  const rows = programs.map((program) => programCells(program));
  if (rows.length === 0) rows.push(html`<td colspan="3" class="dim">no programs</td>`);
  if (silentMetrics.length > 0) rows.push(leftOut(silentMetrics));
  const head = html`<th class="wide" scope="rowgroup" rowspan="${rows.length}">${name}</th>`;
  return html`<tbody>
    ${rows.map(
      (row, i) =>
        html`<tr>
          ${i === 0 ? head : NOTHING}${row}
        </tr>`,
    )}
  </tbody>`;
}

function programCells(program: Program): Html {
  const { name, section, variant } = program;
  return html`<td class="grows">
      <code>${name}</code>${variant === '' ? NOTHING : html`<small>variant ${variant}</small>`}
    </td>
    <td class="section"><code class="dim">${section}</code></td>
    <td class="state">${state(program)}</td>`;
}

function leftOut(metrics: readonly string[]): Html {
  return html`<td colspan="3" class="wide dim">left out, because nothing feeds it: ${metrics.join(', ')}</td>`;
}

function state({ attached, loaded, reason }: Program): Html {
  if (attached) return html`<i class="up"></i>attached`;
  return html`<i class="down"></i>${loaded ? 'not attached' : 'not loaded'}: ${reason}`;
}
