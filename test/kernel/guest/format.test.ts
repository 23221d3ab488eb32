import { release } from 'node:os';
import { cgroupTests } from '../format/cgroups.js';
import { decodersTests, writePciIds } from '../format/decoders.js';
import { mapKindsTests } from '../format/map-kinds.js';
import { sectionsTests } from '../format/sections.js';
import { valuesTests } from '../format/values.js';

/** Run by `../vm.test.ts` in guests, which have every kind of section; `kprobe.multi` came to Debian after 6.1. */
mapKindsTests();
writePciIds();
decodersTests();
sectionsTests(release().startsWith('6.1.') ? ['kprobe_multi'] : []);
valuesTests();
cgroupTests(release().startsWith('6.1.') ? ['fanotify', 'cgrp_storage'] : []);
