import type { FastifyInstance } from 'fastify';
import type { Aggregator } from '../aggregator.js';
import type { Config, HostFacts } from '../../wire/frame.js';

export interface PageOptions {
  readonly aggregator: Aggregator;
  readonly metricsPath: string;
  readonly version: string;
}

/** Serves `/`: what runs here and where to find it. Plain HTML, written anew for each request; no script. */
export function registerPage(server: FastifyInstance, options: PageOptions): void {
  server.get('/', (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
      .header('x-content-type-options', 'nosniff')
      .send(page(options)),
  );
}

function page({ aggregator, metricsPath, version }: PageOptions): string {
  const hosts = [...aggregator.hosts.values()];
  const sections = hosts.map((host) => {
    const configs = host.manifest?.configs ?? [];
    const facts = host.manifest?.host;
    return `<section>${facts === undefined ? '' : heading(facts)}
<table><thead><tr><th>Probe</th><th>Program</th><th>State</th></tr></thead>
<tbody>${configs.map(rows).join('')}</tbody></table></section>`;
  });
  const seriesCount = [...aggregator.store.families()].reduce((sum, family) => sum + family.size, 0);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sonde</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>
<body><header><h1>Sonde</h1><p>${seriesCount.toLocaleString('en')} series from the kernel, version ${escape(version)}</p></header>
<nav>${links(metricsPath)}</nav>
${sections.join('\n') || '<p>No host has reported yet.</p>'}
</body></html>`;
}

function links(metricsPath: string): string {
  const entries = [
    [metricsPath, 'Metrics', 'Prometheus text, or OpenMetrics by content negotiation'],
    ['/healthz', 'Health', 'the process answers'],
    ['/readyz', 'Readiness', 'probes are loaded and have been read'],
  ] as const;
  return entries
    .map(([path, name, what]) => `<a href="${escape(path)}"><b>${name}</b><span>${what}</span></a>`)
    .join('');
}

function heading(facts: HostFacts): string {
  const detail = `Linux ${facts.kernelRelease} · ${facts.arch} · ${facts.possibleCpus} CPUs`;
  return `<h2>${escape(facts.hostname)} <small>${escape(detail)}</small></h2>`;
}

function rows(config: Config): string {
  const programs = config.programs.length === 0 ? [undefined] : config.programs;
  return programs
    .map((program, i) => {
      const probe = i === 0 ? `<th scope="rowgroup" rowspan="${programs.length}">${escape(config.name)}</th>` : '';
      if (program === undefined) return `<tr>${probe}<td>no programs</td><td></td></tr>`;
      const state = program.attached
        ? '<td><i class="up"></i>attached</td>'
        : `<td><i class="down"></i>${program.loaded ? 'not attached' : 'not loaded'}: ${escape(program.reason)}</td>`;
      return `<tr>${probe}<td><code>${escape(program.name)}</code> <small>${escape(program.section)}</small></td>${state}</tr>`;
    })
    .join('');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

const STYLE = `
:root { color-scheme: light dark; --line: #8883; --dim: #888; --up: #2a9d5c; --down: #d1603d; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 3rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin: 0; } header p { margin: 0; color: var(--dim); }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; } small { color: var(--dim); font-weight: normal; }
nav { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: 1rem; margin: 2rem 0; }
nav a { display: block; padding: .8rem 1rem; border: 1px solid var(--line); border-radius: 8px; text-decoration: none; color: inherit; }
nav a:hover { border-color: currentColor; } nav b, nav span { display: block; } nav span { color: var(--dim); font-size: .87rem; }
table { border-collapse: collapse; width: 100%; } thead th { color: var(--dim); font-weight: normal; font-size: .87rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); }
i { display: inline-block; width: .6rem; height: .6rem; border-radius: 50%; margin-right: .5rem; } .up { background: var(--up); } .down { background: var(--down); }
`;
