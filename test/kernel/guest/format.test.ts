import { release } from 'node:os';
import { sectionsTests } from '../format/sections.js';

/** Run by `../vm.test.ts` in guests, which have every kind of section; `kprobe.multi` came to Debian after 6.1. */
sectionsTests(release().startsWith('6.1.') ? ['kprobe_multi'] : []);
