import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SingleFlight } from '../../../collector/single-flight.js';

/** Work that ends when it is told to. */
function controlled(): { flight: SingleFlight; runs: { end: () => void; fail: (error: Error) => void }[] } {
  const runs: { end: () => void; fail: (error: Error) => void }[] = [];
  const flight = new SingleFlight(() => new Promise((resolve, reject) => runs.push({ end: resolve, fail: reject })));
  return { flight, runs };
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 3; i++) await new Promise(setImmediate);
};

test('calls of one moment share a run, calls during a run share the next', async () => {
  const { flight, runs } = controlled();
  const first = [flight.run(), flight.run(), flight.run()];
  await turns();
  assert.equal(runs.length, 1);
  const second = [flight.run(), flight.run()];
  await turns();
  assert.equal(runs.length, 1, 'runs never overlap');
  runs[0]!.end();
  await Promise.all(first);
  await turns();
  assert.equal(runs.length, 2, 'what was asked for during a run is answered by one that began afterwards');
  runs[1]!.end();
  await Promise.all(second);
  await flight.idle();
  assert.equal(runs.length, 2);
});

test('a run that fails is the failure of those who shared it, and of nobody else', async () => {
  const { flight, runs } = controlled();
  const first = flight.run();
  await turns();
  const second = flight.run();
  runs[0]!.fail(new Error('broken'));
  await assert.rejects(first, /broken/);
  await turns();
  runs[1]!.end();
  await second;
});
