import { HOST_DECODERS, sizeProblem } from '../config/rules.js';
import type { DecoderConfig, LabelConfig } from '../config/schema.js';
import { leavesOf, findMember, typeAt, type BitRange, type Place } from './find.js';
import { nextMember } from './next-member.js';
import { sideBySide, type Extent } from './side-by-side.js';
import { textKind } from './text-kind.js';
import { typeText, type TypeLayout } from './type-layout.js';

/** One label's bytes in a key or record. */
export interface Field {
  readonly name: string;
  /** Bytes from the start. */
  readonly offset: number;
  readonly size: number;
  /** What BTF says lies there; null without BTF, or where the bytes are no whole member. */
  readonly type: TypeLayout | null;
  /** Of a bit-field: `offset` and `size` are the bytes that it touches, and `type` is the one that it was declared with. */
  readonly bits?: BitRange;
  /** Empty: the text that `type` has by itself, which then is not null. */
  readonly decoders: readonly DecoderConfig[];
}

/** What does not fit; the caller knows the file, the metric and the line. */
export interface LayoutProblem {
  /** The label at fault; null: all of them together. */
  readonly label: number | null;
  readonly message: string;
  readonly hint: string;
  /** Both layouts, lines of text; '' where there is nothing to compare. */
  readonly detail: string;
}

export interface FieldResolution {
  /** In the order of the labels; only to be used when there is no problem. */
  readonly fields: readonly Field[];
  readonly problems: readonly LayoutProblem[];
  /** What loads, but looks like a slip. */
  readonly warnings: readonly LayoutProblem[];
}

export interface FieldOptions {
  /**
   * The map keeps a value a CPU: a last label `cpu` reads the u16 that is appended to the key, at offset `keySize`. When
   * it is the only label, the 4-byte zero key before it has no label.
   */
  readonly perCpu?: boolean;
  /** It is a buffer's record and no key: bytes after the last label are ignored. */
  readonly record?: boolean;
}

/** Bytes that the labels of a record may have together: four paths of the longest kind. They are remembered for each key. */
const MAX_LABEL_BYTES = 16_384;
/** Bytes of the CPU number after the key. */
export const CPU_SIZE = 2;
/** The CPU number's type. */
const CPU_TYPE: TypeLayout = {
  kind: 'int',
  name: 'u16',
  size: CPU_SIZE,
  signed: false,
  length: 0,
  element: [],
  members: [],
  values: [],
};
/** The key of a map with one row. */
const ZERO_KEY_SIZE = 4;

/** Whether rows of this map are one a CPU, which a last label named `cpu` asks for. */
export function hasCpuRows(labels: readonly LabelConfig[], perCpu: boolean): boolean {
  return perCpu && labels.at(-1)?.name === 'cpu';
}

/**
 * Where each label's bytes are. Fields follow each other; `size` left out takes the struct's next member, `member` any.
 * @param layout the key's or record's type, null when the object has none.
 * @param size its bytes; null: not known (records only).
 */
export function resolveFields(
  labels: readonly LabelConfig[],
  layout: TypeLayout | null,
  size: number | null,
  options: FieldOptions = {},
): FieldResolution {
  const record = options.record ?? false;
  const cpuLabel = hasCpuRows(labels, options.perCpu ?? false) ? labels.at(-1) : undefined;
  const inKey = cpuLabel === undefined ? labels : labels.slice(0, -1);
  const walk = new FieldWalk(inKey, layout, size, record);
  const byMember = inKey.some((label) => label.member !== undefined);
  if (inKey.length === 0) walk.checkNoLabels(cpuLabel !== undefined);
  else if (byMember) walk.byMember();
  else walk.byPosition();

  if (record) walk.checkLabelBytes();
  if (cpuLabel !== undefined) walk.addCpu(cpuLabel);
  walk.warnAboutCuts();
  return { fields: walk.fields, problems: walk.problems, warnings: walk.warnings };
}

class FieldWalk {
  readonly fields: Field[] = [];
  readonly problems: LayoutProblem[] = [];
  readonly warnings: LayoutProblem[] = [];

  /** By label, for the messages: undefined where none was found. */
  private readonly places: (Extent | undefined)[] = [];

  constructor(
    private readonly labels: readonly LabelConfig[],
    private readonly layout: TypeLayout | null,
    private readonly size: number | null,
    private readonly record: boolean,
  ) {}

  checkNoLabels(cpuOnly: boolean): void {
    if (this.record || this.size === ZERO_KEY_SIZE) return;
    const what = cpuOnly ? 'there is no label but cpu' : 'there are no labels';
    this.fail(
      null,
      `${what}, but the key has ${this.bytes(this.size)}`,
      'label the key, or use a map with a u32 key that is 0',
    );
  }

  byMember(): void {
    for (const [index, label] of this.labels.entries()) {
      if (label.member === undefined) {
        this.fail(index, `${label.name} has no member, but other labels have`, 'give member to all of them or to none');
        continue;
      }
      if (this.layout === null) {
        this.fail(
          index,
          `member ${label.member} is not known: ${this.untyped()}`,
          `${this.declare()}use size and padding`,
        );
        continue;
      }
      const place = findMember(this.layout, label.member);
      if (typeof place === 'string') this.fail(index, place, 'correct member');
      else this.add(index, label, place);
    }
  }

  byPosition(): void {
    // In bits, since a bit-field may end within a byte.
    let cursor = 0;
    let takenFromBtf = false;
    for (const [index, label] of this.labels.entries()) {
      takenFromBtf = label.size === undefined;
      const place =
        label.size === undefined
          ? this.nextMember(index, label, cursor)
          : { offset: Math.ceil(cursor / 8), size: label.size };
      // Without this one's size nothing after it has a place.
      if (place === null) return;
      this.add(index, label, place);
      cursor = endOf(place) + label.padding * 8;
    }
    this.checkSum(cursor, takenFromBtf);
  }

  checkLabelBytes(): void {
    const bytes = this.fields.reduce((sum, { size }) => sum + size, 0);
    if (bytes <= MAX_LABEL_BYTES) return;
    this.fail(
      null,
      `labels of a record add up to ${this.bytes(bytes)}, and ${MAX_LABEL_BYTES} are the most`,
      'leave some out',
    );
  }

  addCpu(label: LabelConfig): void {
    if (label.size !== undefined && label.size !== CPU_SIZE) {
      const message = `cpu is ${label.size} bytes, but the CPU's number after a per-CPU map's key is a u16`;
      this.fail(this.labels.length, message, 'write size: 2');
    }
    this.fields.push({
      name: label.name,
      offset: this.size ?? 0,
      size: CPU_SIZE,
      type: CPU_TYPE,
      decoders: label.decoders,
    });
  }

  /** Labels whose bytes are not one whole member: a byte read with its padding works today, and not tomorrow. */
  warnAboutCuts(): void {
    const { layout } = this;
    if (layout === null || layout.members.length === 0 || this.problems.length > 0) return;
    for (const [index, field] of this.fields.slice(0, this.labels.length).entries()) {
      if (field.type !== null) continue;
      const end = field.offset + field.size;
      const read = leavesOf(layout).filter((leaf) => leaf.offset < end && leaf.end > field.offset);
      const parts = read.map((leaf) => `${leaf.name} (${range(leaf.offset, leaf.end)})`).join(', ');
      const message = `${field.name} reads ${range(field.offset, end)}, which is not one whole member: ${parts || 'only padding'}`;
      this.warnings.push({
        label: index,
        message,
        hint: 'give the member’s own size, and padding for the rest',
        detail: '',
      });
    }
  }

  private nextMember(index: number, label: LabelConfig, cursor: number): Place | null {
    const { layout } = this;
    if (layout === null) {
      this.fail(index, `${label.name} has no size, and ${this.untyped()}`, `${this.declare()}give size`);
      return null;
    }
    // A plain number, or a union, is one field.
    if (layout.kind !== 'struct') {
      if (cursor === 0) return { offset: 0, size: layout.size, type: layout };
      this.fail(index, `${label.name} has no size, and nothing is left of the ${layout.size} bytes`, 'remove it');
      return null;
    }
    const member = nextMember(layout, cursor, label.decoders.length === 0);
    if (member === undefined) {
      this.fail(index, `${label.name} has no size, and the struct has no member left for it`, 'remove it or give size');
      return null;
    }
    if (typeof member !== 'string') return member;
    this.fail(index, `${label.name} has no size, and ${member}`, 'give size to all labels here');
    return null;
  }

  /** @param cursor where the last label ends, its padding included, in bits. */
  private checkSum(cursor: number, takenFromBtf: boolean): void {
    const sum = Math.ceil(cursor / 8);
    if (this.size === null) return;
    if (this.record && sum < this.size) return;
    const isWhole = this.layout?.kind !== 'struct' || nextMember(this.layout, cursor, true) === undefined;
    // Padding at a struct's end belongs to the last member.
    if (takenFromBtf ? sum <= this.size && isWhole : sum === this.size) return;
    const what = this.record ? 'record' : 'key';
    this.fail(
      null,
      `labels add up to ${this.bytes(sum)}, but the ${what} has ${this.bytes(this.size)}`,
      'correct size and padding',
    );
  }

  private add(index: number, label: LabelConfig, place: Extent & Partial<Place>): void {
    const { offset, size, bits } = place;
    this.places[index] = { offset, size };
    const atPlace = this.layout === null ? null : typeAt(this.layout, offset, size);
    const type = bits === undefined ? atPlace : place.type!;
    this.fields.push({ name: label.name, offset, size, type, decoders: label.decoders, ...(bits && { bits }) });
    this.checkText(index, label, place, type);
  }

  /** Whether the label's bytes have a text. */
  private checkText(index: number, label: LabelConfig, place: Extent & Partial<Place>, type: TypeLayout | null): void {
    const { name, decoders } = label;
    const first = decoders[0];
    if (first === undefined) {
      if (this.layout === null) {
        this.fail(index, `${name} has no decoders, and ${this.untyped()}`, `${this.declare()}give decoders`);
      } else if (type === null) {
        this.fail(index, `${name} has no decoders, and its bytes are no whole member`, 'give decoders');
      } else if (textKind(type) === null) {
        const message = `${name} has no decoders, and ${typeText(type)} has no text by itself`;
        this.fail(index, message, 'give decoders, or read its members');
      }
      return;
    }
    if (place.bits !== undefined && decoders.some((decoder) => HOST_DECODERS.has(decoder.name))) {
      this.fail(index, `${name} is a bit-field, which only the host could name`, 'use a whole member');
    }
    if (label.size !== undefined) return;
    const problem = sizeProblem(first.name, place.bits === undefined ? place.size : place.type!.size);
    if (problem !== null) this.fail(index, `${name} ${problem}`, 'name another member, or correct the decoder');
  }

  private untyped(): string {
    return this.record ? 'the buffer does not say what its records are' : 'the object has no BTF for it';
  }

  private declare(): string {
    return this.record ? 'declare the buffer with __type(value, struct …), or ' : '';
  }

  private fail(label: number | null, message: string, hint: string): void {
    const detail = sideBySide(this.labels, this.places, this.layout, this.size, this.record ? 'record' : 'key');
    this.problems.push({ label, message, hint, detail });
  }

  private bytes(count: number | null): string {
    return count === 1 ? '1 byte' : `${count ?? '?'} bytes`;
  }
}

/** Where a place ends, in bits. */
function endOf({ offset, size, bits }: Extent & Partial<Place>): number {
  return bits === undefined ? (offset + size) * 8 : offset * 8 + bits.offset + bits.length;
}

function range(start: number, end: number): string {
  return end - start === 1 ? `byte ${start}` : `bytes ${start} to ${end - 1}`;
}
