import { runLongForms } from './long-forms.js';

await runLongForms(50, [
  // The codec.
  'unit/wire/frame',
  'unit/wire/kafka/record-batch',
  // The series store, and the rows that come to it.
  'unit/lib/key-table',
  'unit/collector/row-tracker',
  'unit/aggregator/series/cells',
  'unit/aggregator/series/event-state',
  'unit/aggregator/series/value-buckets',
  'unit/aggregator/rollup/rollups',
  // The state.
  'unit/aggregator/state/partition',
]);
