import { runLongForms } from './long-forms.js';

await runLongForms(100, [
  'unit/lib/disk-log/disk-log',
  'unit/collector/publish/spool-cut',
  'unit/collector/publish/records-lane',
  'integration/collector/spool-disk',
]);
