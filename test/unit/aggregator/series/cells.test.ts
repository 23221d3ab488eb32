import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cells } from '../../../../aggregator/series/cells.js';
import { forSeeds } from '../../../harness/seed.js';

test('differences of u64 values add up exactly, carries and wrap-around included', () =>
  forSeeds(1, (random) => {
    const cells = new Cells();
    let sum = 0n;
    let last = 0n;
    for (let i = 0; i < 20_000; i++) {
      const next =
        ((BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32))) >> BigInt(i % 60);
      cells.addDifference(
        3,
        Number(next & 0xffffffffn),
        Number(next >> 32n),
        Number(last & 0xffffffffn),
        Number(last >> 32n),
      );
      sum = BigInt.asUintN(64, sum + next - last);
      last = i % 3 === 0 ? next : 0n;
      assert.equal(cells.get(3), sum);
    }
    assert.equal(cells.get(2), 0n);
    assert.equal(cells.get(4), 0n);
  }));
