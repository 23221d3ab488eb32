import assert from 'node:assert/strict';
import test from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { HostAccount } from '../../../aggregator/host-account.js';
import { HealthSchema } from '../../../wire/frame.js';

type Health = MessageInitShape<typeof HealthSchema>;

function said(account: HostAccount, health: Health): void {
  account.health = create(HealthSchema, health);
}

const BUFFER = { config: 'probe', map: 'events' };

test('losses and hops go on over sessions, and what waited comes in again where it is found', () => {
  const account = new HostAccount();
  said(account, {
    hops: [{ hop: 'collector', ...BUFFER, in: 100n, out: 60n, waiting: 30n }],
    losses: [{ hop: 'collector', reason: 'spool_full', ...BUFFER, count: 10n }],
  });
  account.fold();
  assert.deepEqual(account.hops(), [{ hop: 'collector', ...BUFFER, in: 70n, out: 60n, waiting: 0n }]);
  said(account, {
    hops: [
      { hop: 'collector', ...BUFFER, in: 5n, out: 5n, waiting: 0n },
      { hop: 'spool', config: '', map: '', in: 30n, out: 29n, waiting: 0n },
    ],
    losses: [
      { hop: 'collector', reason: 'spool_full', ...BUFFER, count: 0n },
      { hop: 'spool', reason: 'damaged', config: '', map: '', count: 1n },
    ],
  });
  assert.deepEqual(account.hops(), [
    { hop: 'collector', ...BUFFER, in: 75n, out: 65n, waiting: 0n },
    { hop: 'spool', config: '', map: '', in: 30n, out: 29n, waiting: 0n },
  ]);
  assert.deepEqual(account.losses(), [
    { hop: 'collector', reason: 'spool_full', ...BUFFER, count: 10n },
    { hop: 'spool', reason: 'damaged', config: '', map: '', count: 1n },
  ]);
});

test('what waited in the memory of a collector that was killed is lost, and counted', () => {
  const account = new HostAccount();
  said(account, { hops: [{ hop: 'collector', ...BUFFER, in: 50n, out: 20n, waiting: 30n }] });
  account.fold();
  said(account, { hops: [{ hop: 'spool', config: '', map: '', in: 12n, out: 12n }] });
  const lost = { hop: 'spool', reason: 'restart', config: '', map: '', count: 18n };
  const spool = { hop: 'spool', config: '', map: '', in: 30n, out: 12n, waiting: 0n };
  assert.deepEqual(account.losses(), [lost]);
  assert.deepEqual(account.hops()[1], spool);
  account.fold();
  said(account, {});
  assert.deepEqual(account.losses(), [lost], 'once');
  assert.deepEqual(account.hops()[1], spool);
});

test('kinds that a host makes up without end go together', () => {
  const account = new HostAccount();
  for (let i = 0; i < 5000; i++) {
    said(account, {
      losses: [{ hop: 'h', reason: `r${i}`, config: 'c', map: 'm', count: 1n }],
      hops: [{ hop: `h${i}`, config: 'c', map: 'm', in: 1n, out: 1n }],
    });
    account.fold();
  }
  const { losses, hops } = account.save();
  assert.equal(losses.length, 4097);
  assert.equal(hops.length, 4097);
  assert.equal(
    losses.reduce((sum, { count }) => sum + count, 0n),
    5000n,
    'and none of them is forgotten',
  );
});

test('what is saved is all of the past', () => {
  const account = new HostAccount();
  said(account, {
    hops: [{ hop: 'kernel', ...BUFFER, in: 2n ** 60n + 1n, out: 2n ** 60n }],
    losses: [{ hop: 'kernel', reason: 'ring_full', ...BUFFER, count: 1n }],
  });
  account.fold();
  const restored = new HostAccount();
  restored.restore(account.save());
  assert.deepEqual([restored.hops(), restored.losses()], [account.hops(), account.losses()]);
});
