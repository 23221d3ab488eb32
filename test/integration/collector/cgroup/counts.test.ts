import { cgroupTests } from '../../../kernel/format/cgroups.js';

/** On this machine's kernel; the same in guests, see `test/kernel/guest/format.test.ts`. */
cgroupTests();
