import test from 'node:test';
import { skipUnlessRoot } from '../harness/privileged.js';
import { reloadUnderLoad } from '../harness/reload-load.js';

test('16 reloads under load', { skip: skipUnlessRoot }, (t) => reloadUnderLoad(t, 16));
