import { sectionsTests } from '../../kernel/format/sections.js';

/** As far as this machine's kernel has them; guests, which have nearly all, run the same (`../../kernel/guest/format.test.ts`). */
sectionsTests();
