import type { TestEvent } from 'node:test/reporters';

/** One test that ran in a guest: a line of JSON on its standard output. */
export interface GuestTest {
  /** Names of the suites around it and its own, joined by ` > `. */
  readonly name: string;
  readonly ok: boolean;
  /** Why it failed, with the stack; '' otherwise. */
  readonly error: string;
  /** Why it was skipped; '' when it ran. */
  readonly skipped: string;
  readonly durationMs: number;
}

interface Outcome {
  readonly name: string;
  readonly nesting: number;
  readonly skip?: string | boolean;
  readonly details: {
    readonly duration_ms: number;
    readonly type?: string;
    readonly error?: Error & { readonly failureType?: string };
  };
}

/** A reporter for `node --test` that writes one {@link GuestTest} a line. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const path: string[] = [];
  for await (const event of events) {
    if (event.type === 'test:start') path[event.data.nesting] = event.data.name;
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const outcome = event.data as Outcome;
    if (isOnlyFrame(outcome, event.type === 'test:pass')) continue;
    const test: GuestTest = {
      name: [...path.slice(0, outcome.nesting), outcome.name].join(' > '),
      ok: event.type === 'test:pass',
      error: describe(outcome.details.error),
      skipped: outcome.skip === true ? 'skipped' : outcome.skip || '',
      durationMs: Math.round(outcome.details.duration_ms),
    };
    yield `${JSON.stringify(test)}\n`;
  }
}

/** A suite says nothing that its tests have not said, unless it failed by itself (a hook). */
function isOnlyFrame({ details }: Outcome, passed: boolean): boolean {
  return passed ? details.type === 'suite' : details.error?.failureType === 'subtestsFailed';
}

function describe(error: Error | undefined): string {
  if (error === undefined) return '';
  const { cause } = error; // what the test threw
  if (cause instanceof Error) return cause.stack ?? cause.message;
  return typeof cause === 'string' ? cause : (error.stack ?? error.message);
}
