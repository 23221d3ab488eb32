import type { Family } from '../series/family.js';
import { html, NOTHING, type Html } from './html.js';

/** Series of a family as Prometheus counts them: a histogram's are its buckets, `+Inf`, sum and count. */
export function exposedSeries(family: Family): number {
  return family.definition.buckets === undefined ? family.size : family.size * (family.definition.buckets.count + 3);
}

/** What is measured: every metric of the probes, also those that have counted nothing yet. */
export function familiesSection(families: readonly Family[]): Html {
  const byName = [...families].sort((a, b) => (a.definition.name < b.definition.name ? -1 : 1));
  return html`<section>
    <h2>Measured</h2>
    <table>
      <thead>
        <tr>
          <th>Metric</th>
          <th>Type</th>
          <th class="number">Series</th>
          <th>What it counts</th>
        </tr>
      </thead>
      <tbody>
        ${byName.map(row)}
      </tbody>
    </table>
  </section>`;
}

function row(family: Family): Html {
  const { name, type, labels, help } = family.definition;
  const by = labels.length === 0 ? NOTHING : html`<small>by ${labels.join(', ')}</small>`;
  return html`<tr${family.size === 0 ? html` class="dim"` : NOTHING}>
    <td><code>${name}</code>${by}</td>
    <td>${type}</td>
    <td class="number">${exposedSeries(family).toLocaleString('en')}</td>
    <td>${help}</td>
  </tr>`;
}
