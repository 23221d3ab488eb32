import { UsageError } from './fail.js';

/** What this server has beside the metrics. */
const TAKEN: ReadonlyMap<string, string> = new Map([
  ['/', 'the page'],
  ['/healthz', 'the health check'],
  ['/readyz', 'the readiness check'],
]);

/** The path as it was given. Throws a UsageError for one that cannot be served: the router has signs of its own (`:`, `*`). */
export function telemetryPath(text: string): string {
  if (!/^\/[\w.~/-]*$/.test(text)) {
    throw new UsageError(
      `--web.telemetry-path: ${JSON.stringify(text)} is no path: write a / and letters, digits, - . _ ~ or /, such as /metrics`,
    );
  }
  const taken = TAKEN.get(text);
  if (taken !== undefined) throw new UsageError(`--web.telemetry-path: ${text} is ${taken}: choose another path`);
  return text;
}
