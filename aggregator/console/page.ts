import type { FastifyInstance } from 'fastify';
import type { Manifest } from '../../wire/frame.js';
import type { Aggregator } from '../aggregator.js';
import { groupFamilies } from '../family-groups.js';
import { exposedSeries, familiesSection } from './families-table.js';
import { html, Html, NOTHING } from './html.js';
import { hostsSection } from './hosts-table.js';
import { hostSection } from './probes-table.js';
import { STYLE } from './style.js';

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
          ${link(metricsPath, 'Metrics', 'text or OpenMetrics')}
          ${link('/federate', 'Federation', 'the newest samples of match[]', '?match[]={__name__!=""}')}
          ${link('/healthz', 'Health', 'the process answers')} ${link('/readyz', 'Readiness', 'ready, or why not')}
        </nav>
        ${hostsOf(manifests)} ${families.length === 0 ? NOTHING : familiesSection(families)}
      </body>
    </html>`;
}

/** One host with all of its programs; of many a line each. */
function hostsOf(manifests: readonly Manifest[]): Html {
  if (manifests.length === 0) return html`<p>No host has reported yet.</p>`;
  return manifests.length === 1 ? hostSection(manifests[0]!) : hostsSection(manifests);
}

function link(path: string, name: string, what: string, query = ''): Html {
  return html`<a href="${path}${query}"><b>${name}</b> <code>${path}</code><span>${what}</span></a>`;
}
