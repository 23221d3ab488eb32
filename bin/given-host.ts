import type { GivenHostFacts } from '../collector/facts/host.js';
import type { SettingValues } from '../lib/settings.js';

/** What the settings say about this host. */
export function givenHost(values: SettingValues): GivenHostFacts {
  return { id: values['host.id'], name: values['host.name'], labels: values['host.label'] };
}
