import { z } from 'zod';
import { probeSchema } from './schema.js';

/** The published file, beside this one: `npm run check:schema` holds the two together. */
export const SCHEMA_FILE = 'wire/config/probe.schema.json';

/**
 * The schema of a probe's YAML for editors, as text. It is what the code checks with, but for rules across keys and for what YAML
 * has of its own, such as numbers where text is wanted.
 */
export function jsonSchemaText(): string {
  const { $schema, ...schema } = z.toJSONSchema(probeSchema, { io: 'input' });
  const described = {
    $schema,
    title: 'Sonde probe',
    description: 'NAME.yaml beside NAME.bpf.o: what the maps and records of eBPF programs mean',
    ...schema,
  };
  return `${JSON.stringify(described, null, 2)}\n`;
}
