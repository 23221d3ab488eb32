import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDuration } from '../../../lib/duration.js';

const table: [string, number | null][] = [
  ['0', 0],
  ['0s', 0],
  ['1h30m', 5_400_000],
  ['1m30s', 90_000],
  ['1.5s', 1500],
  ['.5s', 500],
  ['1.s', 1000],
  ['250ms', 250],
  ['2us', 0.002],
  ['2µs', 0.002],
  ['2μs', 0.002],
  ['500000ns', 0.5],
  ['-5s', -5000],
  ['+5s', 5000],
  ['', null],
  ['5', null],
  ['s', null],
  ['5 s', null],
  ['1d', null],
  ['1h 5m', null],
  ['5sx', null],
  ['--5s', null],
  ['1e3s', null],
  ['.s', null],
  ['10000000h', null],
];
for (const [text, ms] of table) {
  test(`${JSON.stringify(text)} is ${ms} ms`, () => assert.equal(parseDuration(text), ms));
}
