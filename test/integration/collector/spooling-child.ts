// A collector whose bus is away, for tests that kill it: prints the id of its program, drains at each line that it is sent.
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { MIN_SPOOL_BYTES } from '../../../collector/publish/uplink.js';
import { startCollector } from '../../harness/collector-fixture.js';
import { GatedBus } from '../../harness/gated-bus.js';

const folder = process.argv[2]!;
const bus = new GatedBus();
bus.state = 'away';
const context = { after: () => undefined } as unknown as TestContext;
const { collector } = await startCollector(context, { bus, spool: { folder, maxBytes: MIN_SPOOL_BYTES } });
console.log(collector.probes[0]!.programs[0]!.id);
for await (const line of createInterface(process.stdin)) {
  await collector.refresh();
  console.log(`did ${line}`);
}
