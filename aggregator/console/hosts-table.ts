import type { Config, HostFacts, Manifest, Program } from '../../wire/frame.js';
import { html, NOTHING, type Html } from './html.js';

/** Hosts that are listed one by one. */
const MAX_HOSTS = 50;

/** Many hosts, a line each: what they are, and which of their programs do not run. Those where one does not are first. */
export function hostsSection(manifests: readonly Manifest[]): Html {
  const byName = [...manifests].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const isFailing = ({ configs }: Manifest): boolean => failingOf(configs).length > 0;
  const inOrder = [...byName.filter(isFailing), ...byName.filter((manifest) => !isFailing(manifest))];
  const left = inOrder.length - MAX_HOSTS;
  return html`<section>
    <h2>${manifests.length.toLocaleString('en')} hosts</h2>
    <table>
      <thead>
        <tr>
          <th>Host</th>
          <th>System</th>
          <th>Programs</th>
        </tr>
      </thead>
      <tbody>
        ${inOrder.slice(0, MAX_HOSTS).map(row)}
      </tbody>
    </table>
    ${left > 0 ? html`<p class="dim">… and ${left.toLocaleString('en')} more</p>` : NOTHING}
  </section>`;
}

/** Such as `Linux 6.12.0 · x86_64 · 4 CPUs`. */
export function systemOf(host: HostFacts | undefined): string {
  if (host === undefined) return '';
  const { kernelRelease, arch, possibleCpus } = host;
  return `Linux ${kernelRelease} · ${arch} · ${possibleCpus} ${possibleCpus === 1 ? 'CPU' : 'CPUs'}`;
}

/** The labels that were set for a host, such as `rack="r7"`. */
export function labelsOf(host: HostFacts | undefined): Html {
  const labels = Object.entries(host?.labels ?? {}).map(([name, value]) => `${name}="${value}"`);
  return labels.length === 0 ? NOTHING : html`<small>${labels.join(', ')}</small>`;
}

function row({ host, configs }: Manifest): Html {
  return html`<tr>
    <td class="wide"><b>${host?.hostname ?? 'Host'}</b>${labelsOf(host)}</td>
    <td class="wide dim">${systemOf(host)}</td>
    <td class="state">${programsOf(configs)}</td>
  </tr>`;
}

function programsOf(configs: readonly Config[]): Html {
  const failing = failingOf(configs);
  const all = configs.reduce((sum, { programs }) => sum + programs.length, 0);
  const words = `${all - failing.length} of ${all} attached`;
  return html`<i class="${failing.length === 0 ? 'up' : 'down'}"></i>${words}${failing.map(
      ({ name, reason }) => html`<small><code>${name}</code>: ${reason}</small>`,
    )}`;
}

function failingOf(configs: readonly Config[]): Program[] {
  return configs.flatMap(({ programs }) => programs.filter(({ attached }) => !attached));
}

function nameOf({ host }: Manifest): string {
  return host?.hostname ?? '';
}
