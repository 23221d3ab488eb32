import type { z } from 'zod';

/** The part of zod's definitions that reading YAML and explaining its faults need. */
export interface Definition {
  readonly type: string;
  /** Objects: their keys. */
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  /** Lists. */
  readonly element?: z.ZodType;
  /** Records. */
  readonly valueType?: z.ZodType;
}

/** What a schema describes, without the wrappers around it (`optional`). */
export function definitionOf(schema: z.ZodType): Definition {
  let definition = schema.def as unknown as Definition & { readonly innerType?: z.ZodType };
  while (definition.innerType !== undefined) definition = definition.innerType.def;
  return definition;
}
