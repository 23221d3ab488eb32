import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { checkProbe } from '../../collector/check/check-probe.js';
import { native } from '../../native/index.js';
import { parseConfig } from '../../wire/config/parse.js';
import { ConfigError } from '../../wire/errors.js';
import { fixtureYaml } from '../harness/bpf-fixture.js';
import { compileFixture } from '../harness/compile-bpf.js';
import { mutateTree, mutateValue, random } from '../harness/mutated-config.js';
import { skipUnlessRoot } from '../harness/privileged.js';
import { configFolder, runSonde } from '../harness/sonde.js';
import { assertForPeople } from './assert-refused.js';

const OBJECTS = ['commands', 'records', 'refused', 'variants', 'sections', 'map-kinds'] as const;
const CONFIGS = 500;
/** Those that go through the whole command: each takes half a second. */
const SAMPLE = 12;

interface Mutated {
  readonly seed: number;
  readonly object: (typeof OBJECTS)[number];
  readonly yaml: string;
}

/** Of each config in turn: a key is dropped, renamed or of another type, or its value is another of its kind. */
function* mutated(): Generator<Mutated> {
  const texts = OBJECTS.map((object) => ({ object, text: fixtureYaml(object) }));
  for (let seed = 1; seed <= CONFIGS; seed++) {
    const { object, text } = texts[Math.floor(seed / 2) % texts.length]!;
    const next = random(seed);
    yield { seed, object, yaml: seed % 2 === 0 ? mutateTree(text, next) : mutateValue(text, next) };
  }
}

test(`${CONFIGS} broken configs against real objects`, { skip: skipUnlessRoot }, async (t) => {
  const folder = configFolder(t, {});
  for (const object of OBJECTS) copyFileSync(compileFixture(object, 'bpf'), join(folder, `${object}.bpf.o`));
  let [refused, faulty] = [0, 0];
  const sample: Mutated[] = [];

  await t.test('each is refused with a place, does not fit and says why, or loads', () => {
    for (const one of mutated()) {
      const file = join(folder, `${one.object}.yaml`);
      try {
        const { faults } = checkProbe(parseConfig(one.object, file, one.yaml), native);
        if (faults.length > 0) faulty++;
        for (const fault of faults) assert.match(fault, /\.yaml|\.bpf\.o/, `seed ${one.seed}: ${fault}`);
      } catch (error) {
        assert.ok(error instanceof ConfigError, `seed ${one.seed}: ${String((error as Error).stack)}`);
        refused++;
        for (const { line, path } of error.problems) assert.ok(line > 0 || path !== '', `seed ${one.seed}`);
      }
      if (one.seed % Math.floor(CONFIGS / SAMPLE) === 0 && sample.length < SAMPLE) sample.push(one);
    }
    assert.ok(refused > CONFIGS / 4 && faulty > CONFIGS / 20, `${refused} refused, ${faulty} do not fit`);
  });

  await t.test(`${SAMPLE} of them through the command: it checks, or says what is wrong`, async () => {
    for (const { seed, object, yaml } of sample) {
      writeFileSync(join(folder, `${object}.yaml`), yaml);
      const args = ['run', '--config.dir', folder, '--config.names', object, '--config.check'];
      const { status, stderr, stdout } = await runSonde(args);
      assertForPeople(stderr);
      if (status === 0) assert.match(stdout, /^attached {2}/m, `seed ${seed}`);
      else {
        assert.equal(status, 1, `seed ${seed}`);
        assert.match(stderr, new RegExp(`${object}\\.(yaml|bpf\\.o)`), `seed ${seed}: ${stderr}`);
      }
    }
  });
});
