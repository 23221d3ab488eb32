#!/usr/bin/env node
import { keepYoungGenerationSmall } from '../lib/young-generation.js';

// Before anything else is loaded: loading alone makes the young generation eight times as large, and it never shrinks.
keepYoungGenerationSmall();
await import('./cli.js');
