// The JSON Schema of probes' YAML in the repository is that of the code. `--write` makes it so.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './prepare.mjs';
import { main, SetupError } from './system.mjs';

await main(async () => {
  const { jsonSchemaText, SCHEMA_FILE } = await import('../dist/wire/config/json-schema.js');
  const file = join(ROOT, SCHEMA_FILE);
  if (process.argv[2] === '--write') writeFileSync(file, jsonSchemaText());
  else if (readFileSync(file, 'utf8') !== jsonSchemaText())
    throw new SetupError(`${SCHEMA_FILE} is not that of the code: npm run build:schema`);
});
