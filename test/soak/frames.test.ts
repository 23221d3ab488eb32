import test from 'node:test';
import { showMutatedFrames } from '../harness/mutated-frames.js';
import { freshSeed } from '../harness/seed.js';

test('a million frames with random faults', (t) => showMutatedFrames(1_000_000, freshSeed(t)));
