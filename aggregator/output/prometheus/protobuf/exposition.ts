import { labelText } from '../../../host-labels.js';
import { paced } from '../paced.js';
import { shownAt, type Shown, type ShownSources } from '../shown.js';
import { familyMessages } from './family-encoder.js';
import { ownMessages, smallMessage } from './small-messages.js';

/** All that the text exposition has, and the native histograms, as MetricFamily messages with their lengths before them. */
export async function* protobufExposition(sources: ShownSources, nowMs = Date.now()): AsyncGenerator<Buffer> {
  yield* paced(messagesOf(shownAt(sources, nowMs)));
  yield await ownMessages(sources.registry);
}

function* messagesOf({ builtIn, groups, labels, rollups }: Shown): Generator<Buffer> {
  for (const family of builtIn) yield smallMessage(family);
  for (const { definition, members } of groups) {
    for (const [host, family] of members) {
      yield* familyMessages(family.view(), labelText(labels.get(host)!, definition.labels));
    }
  }
  for (const { parts } of rollups) {
    for (const { common, total } of parts) {
      const view = yield* total();
      if (view !== undefined) yield* familyMessages(view, common);
    }
  }
}
