import type { Aggregate } from '../config/schema.js';
import { findMember } from './find.js';
import { describeLayout, typeText, type TypeLayout } from './type-layout.js';

/** The number that a metric reads from a map's value or a record. */
export interface ValueField {
  /** Bytes from the start. */
  readonly offset: number;
  readonly size: 1 | 2 | 4 | 8;
  readonly signed: boolean;
  readonly kind: 'int' | 'float';
}

export interface ValueProblem {
  readonly message: string;
  readonly hint: string;
  readonly detail: string;
}

/** A map's value when no member is named: one u64, as ebpf_exporter has it. */
export const WHOLE_U64: ValueField = { offset: 0, size: 8, signed: false, kind: 'int' };

/**
 * Where the number of a metric is in a map's value: all of it, or with `member` a number within the struct. What is not known
 * to be signed is not.
 * @param member the metric's `value:`.
 * @param layout type of the map's value; null without BTF.
 * @param size bytes of the map's value.
 */
export function resolveValue(
  member: string | undefined,
  layout: TypeLayout | null,
  size: number,
): ValueField | ValueProblem {
  const detail = layout === null ? '' : describeLayout(layout);
  if (member === undefined) {
    if (isNumberSize(size)) {
      const signed = layout !== null && numberKind(layout) === 'int' && layout.signed;
      return { ...WHOLE_U64, size, signed };
    }
    const message = `the map's value has ${size} bytes, and a number has 1, 2, 4 or 8`;
    return { message, hint: 'add value: MEMBER', detail };
  }
  if (layout === null) {
    return {
      message: `value ${member} is not known: the object has no BTF for it`,
      hint: 'build it with BTF (-g)',
      detail,
    };
  }
  const value = numberAt(member, layout);
  if (!isValueField(value) || value.kind === 'int') return value;
  const message = `${member} is a floating-point number, which no program can count in`;
  return { message, hint: 'name a member that is a whole number', detail };
}

/**
 * Where the value of an event is in its record.
 * @param layout type of the record; null when its buffer names none.
 * @param whole whether only a whole number will do.
 */
export function resolveRecordValue(
  member: string,
  layout: TypeLayout | null,
  whole: boolean,
): ValueField | ValueProblem {
  if (layout === null) {
    const message = `value ${member} is not known: the buffer does not say what its records are`;
    const hint = 'declare the buffer with __type(value, struct …), the type of its records, and build with BTF (-g)';
    return { message, hint, detail: '' };
  }
  const value = numberAt(member, layout);
  if (!isValueField(value) || value.kind === 'int' || !whole) return value;
  const message = `${member} is a floating-point number, and only a gauge can have one`;
  return { message, hint: 'name a member that is a whole number', detail: describeLayout(layout) };
}

function numberAt(member: string, layout: TypeLayout): ValueField | ValueProblem {
  const detail = describeLayout(layout);
  const place = findMember(layout, member);
  if (typeof place === 'string') return { message: place, hint: 'correct value', detail };
  if (place.bits !== undefined) {
    return { message: `${member} is a bit-field, which cannot be a value`, hint: 'name a whole member', detail };
  }
  const kind = numberKind(place.type);
  if (kind === null || !isNumberSize(place.size) || (kind === 'float' && place.size < 4)) {
    return {
      message: `${member} is ${typeText(place.type)}, which is no number`,
      hint: 'name a member that is one',
      detail,
    };
  }
  return { offset: place.offset, size: place.size, signed: place.type.signed, kind };
}

/** Whether a value was found; otherwise it says what is wrong. */
export function isValueField(value: ValueField | ValueProblem): value is ValueField {
  return 'offset' in value;
}

/** How the CPUs' values of one number become one: the addon's `Fold`, and that of `frame.proto`. */
export interface ValueFold {
  readonly offset: number;
  readonly size: ValueField['size'];
  readonly op: 'sum' | 'min' | 'max';
  readonly signed: boolean;
}

/**
 * How a metric's number is folded over CPUs. Which CPU was the last to write nobody knows, so `last` is only for maps whose CPUs
 * are kept apart, where a sum is of one.
 */
export function foldOf({ offset, size, signed }: ValueField, aggregate: Aggregate): ValueFold {
  return { offset, size, op: aggregate === 'last' ? 'sum' : aggregate, signed };
}

/** Where the number of a metric is in a value that is made of folds; undefined when none of them is the metric's. */
export function foldedField(
  value: ValueField,
  aggregate: Aggregate,
  folds: readonly FoldOfManifest[],
): ValueField | undefined {
  const { offset, size, op } = foldOf(value, aggregate);
  const index = folds.findIndex((fold) => fold.offset === offset && fold.size === size && fold.op === op);
  return index < 0 ? undefined : { offset: index * 8, size: 8, signed: value.signed, kind: 'int' };
}

/** A fold as a Manifest has it. */
type FoldOfManifest = { readonly offset: number; readonly size: number; readonly op: string };

function numberKind(type: TypeLayout): ValueField['kind'] | null {
  if (type.kind === 'float') return 'float';
  return ['int', 'bool', 'char', 'enum'].includes(type.kind) ? 'int' : null;
}

function isNumberSize(size: number): size is ValueField['size'] {
  return size === 1 || size === 2 || size === 4 || size === 8;
}
