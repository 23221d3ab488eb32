import type { FamilyGroup } from '../family-groups.js';
import { html, NOTHING, type Html } from './html.js';

/** Series of a metric as Prometheus counts them: a histogram's are its buckets, `+Inf`, sum and count. */
export function exposedSeries({ members }: FamilyGroup): number {
  return members.reduce((sum, [, family]) => {
    const { buckets } = family.definition;
    const { size } = family.view();
    return sum + (buckets === undefined ? size : size * (buckets.count + 3));
  }, 0);
}

/** What is measured: every metric of the probes, also those that have counted nothing yet. */
export function familiesSection(families: readonly FamilyGroup[]): Html {
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

function row(family: FamilyGroup): Html {
  const { name, type, labels, help } = family.definition;
  const series = exposedSeries(family);
  const by = labels.length === 0 ? NOTHING : html`<small>by ${labels.join(', ')}</small>`;
  return html`<tr${series === 0 ? html` class="dim"` : NOTHING}>
    <td class="wide"><code>${name}</code>${by}</td>
    <td>${type}</td>
    <td class="number">${series.toLocaleString('en')}</td>
    <td class="wide">${help}</td>
  </tr>`;
}
