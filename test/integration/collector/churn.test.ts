import { test } from 'node:test';
import { scrapeWhileItChanges } from '../../harness/churn.js';
import { skipUnlessRoot } from '../../harness/privileged.js';

/** The long form is `npm run soak -- churn`. */
test('a map that changes while it is scraped is shown whole, each row once', { skip: skipUnlessRoot }, (t) =>
  scrapeWhileItChanges(t, 20),
);
