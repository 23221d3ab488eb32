import test from 'node:test';
import { reloadUnderLoad } from '../harness/reload-load.js';

test('200 reloads under load', (t) => reloadUnderLoad(t, 200));
