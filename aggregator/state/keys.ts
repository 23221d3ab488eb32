/** Which fleet's state, of which topic. */
export interface StateScope {
  /** Letters, digits and `. _ : -`; another one for each fleet that shares a Redis. */
  readonly prefix: string;
  readonly topic: string;
}

/** Redis keys of one partition. What stands in braces decides the node of a cluster: both lie on one. */
export interface PartitionKeys {
  /** String: the epoch of its owner. */
  readonly owner: string;
  /** Hash: the fields below, and for each section {@link sectionField} with its bytes. */
  readonly state: string;
}

/** Offset of the first record that is not in the state. */
export const OFFSET_FIELD = 'offset';
/** `STATE_FORMAT` of who stored it. */
export const FORMAT_FIELD = 'format';
/** Sections lie beside the offset, so that one command reads what belongs together. */
const SECTION_MARK = '/';

export function sectionField(section: string): string {
  return SECTION_MARK + section;
}

/** The name of a field's section; undefined for one that is none. */
export function sectionOf(field: string): string | undefined {
  return field.startsWith(SECTION_MARK) ? field.slice(SECTION_MARK.length) : undefined;
}

export function partitionKeys({ prefix, topic }: StateScope, partition: number): PartitionKeys {
  const tag = `{${prefix}:${topic}:${partition}}`;
  return { owner: `${tag}:owner`, state: `${tag}:state` };
}

/** String: how many partitions the topic had when state was first stored. */
export function partitionCountKey({ prefix, topic }: StateScope): string {
  return `${prefix}:${topic}:partitions`;
}
