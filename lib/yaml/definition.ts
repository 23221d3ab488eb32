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

/** What a schema describes as it is written, without the wrappers around it (`optional`) and what it is made into (`transform`). */
export function definitionOf(schema: z.ZodType): Definition {
  let definition: Wrapped = schema.def;
  for (let inner = innerOf(definition); inner !== undefined; inner = innerOf(definition)) {
    definition = inner.def;
  }
  return definition;
}

interface Wrapped extends Definition {
  readonly innerType?: z.ZodType;
  /** Of a `transform`: what it takes. */
  readonly in?: z.ZodType;
}

function innerOf(definition: Wrapped): z.ZodType | undefined {
  return definition.innerType ?? definition.in;
}
