import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** From dist/test/unit/wire/config back to the sources, where the fixtures are. */
export const FIXTURES = join(import.meta.dirname, '../../../../../test/fixtures/configs');

export interface Fixture {
  readonly name: string;
  readonly text: string;
}

/** The YAML files of one folder of fixtures, by name. */
export function fixtures(folder: 'good' | 'broken'): Fixture[] {
  const dir = join(FIXTURES, folder);
  return readdirSync(dir)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => ({ name: file.slice(0, -'.yaml'.length), text: readFileSync(join(dir, file), 'utf8') }));
}
