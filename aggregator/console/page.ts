import type { FastifyInstance } from 'fastify';
import type { Aggregator } from '../aggregator.js';
import { groupFamilies } from '../family-groups.js';
import { exposedSeries, familiesSection } from './families-table.js';
import { html, Html, NOTHING } from './html.js';
import { hostSection } from './probes-table.js';
import { STYLE } from './style.js';

/** Hosts whose programs are listed one by one. */
const MAX_HOSTS = 20;

export interface PageOptions {
  readonly aggregator: Aggregator;
  readonly metricsPath: string;
  readonly version: string;
}

/** Serves `/`: what runs here, what it measures, and where to find it. Plain HTML, written anew for each request; no script. */
export function registerPage(server: FastifyInstance, options: PageOptions): void {
  server.get('/', (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
      .header('x-content-type-options', 'nosniff')
      .send(page(options).markup),
  );
}

function page({ aggregator, metricsPath, version }: PageOptions): Html {
  const hosts = aggregator.shownHosts();
  const manifests = hosts.flatMap(({ manifest }) => manifest ?? []);
  const families = groupFamilies(hosts);
  const programs = manifests.flatMap(({ configs }) => configs.flatMap((config) => config.programs));
  const attached = programs.filter((program) => program.attached).length;
  const series = families.reduce((sum, family) => sum + exposedSeries(family), 0);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>
          Sonde · ${manifests.length === 1 ? (manifests[0]!.host?.hostname ?? 'host') : `${manifests.length} hosts`}
        </title>
        <style>
          ${new Html(STYLE)}
        </style>
      </head>
      <body>
        <header>
          <h1>Sonde <small>${version}</small></h1>
          <p>
            <i class="${attached === programs.length ? 'up' : 'down'}"></i>${attached} of ${programs.length} programs
            attached, ${series.toLocaleString('en')} series
          </p>
        </header>
        <nav>
          ${link(metricsPath, 'Metrics', 'Prometheus text or OpenMetrics')}
          ${link('/healthz', 'Health', 'the process answers')}
          ${link('/readyz', 'Readiness', 'probes are loaded and read')}
        </nav>
        ${manifests.length === 0 ? html`<p>No host has reported yet.</p>` : manifests.slice(0, MAX_HOSTS).map(hostSection)}
        ${manifests.length > MAX_HOSTS ? html`<p>… and ${manifests.length - MAX_HOSTS} more hosts.</p>` : NOTHING}
        ${families.length === 0 ? NOTHING : familiesSection(families)}
      </body>
    </html>`;
}

function link(path: string, name: string, what: string): Html {
  return html`<a href="${path}"><b>${name}</b> <code>${path}</code><span>${what}</span></a>`;
}
