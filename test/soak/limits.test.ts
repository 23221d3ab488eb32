import { runLongForms } from './long-forms.js';

// Beside the properties, because each seed takes long: there are 13 combinations of limits.
await runLongForms(10, ['unit/aggregator/series/limits']);
