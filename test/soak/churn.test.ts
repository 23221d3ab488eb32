import { test } from 'node:test';
import { scrapeWhileItChanges } from '../harness/churn.js';

test('a map that changes while it is scraped is shown whole, each row once: 1,000 scrapes', (t) =>
  scrapeWhileItChanges(t, 1000));
