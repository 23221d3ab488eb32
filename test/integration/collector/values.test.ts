import { valuesTests } from '../../kernel/format/values.js';

valuesTests();
