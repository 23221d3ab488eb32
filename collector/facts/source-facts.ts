import { HOST_DECODER_NAMES } from '../../wire/config/schema.js';
import type { Field } from '../../wire/layout/fields.js';
import type { FrameBody } from '../publish/frame-encoder.js';
import { AskedField, askedPlace } from './asked-field.js';
import type { HostAnswers } from './host-answers.js';
import { lookupBodies, type Fact } from './lookup-bodies.js';

/** A tick, and how long it stands that the host does not know an answer: a module or a disk may come. */
const TICK_MS = 1000;

/**
 * The facts that the keys or records of one map or buffer need. A number is looked up when it is seen for the first time, and
 * said before the frame that needs it; after {@link renew} it counts as new again. It is looked up again when the host did not
 * know it, or its answer no longer stands, and said again when the answer is another. No object a key or record.
 */
export class SourceFacts {
  readonly #fields: readonly AskedField[];
  readonly #answers: HostAnswers;
  readonly #now: () => number;
  /** When {@link askDue} was last called. */
  #askedDue = 0;
  /** Grows with each {@link renew}. */
  generation = 0;

  /** `now`: a clock that only goes forward, in milliseconds. */
  constructor(fields: readonly Field[], answers: HostAnswers, now: () => number = () => performance.now()) {
    this.#fields = askedOf(fields, answers);
    this.#answers = answers;
    this.#now = now;
  }

  /** Whether anything is looked up here at all. */
  get isNeeded(): boolean {
    return this.#fields.length > 0;
  }

  /** Whether {@link take} has something to say. */
  get isPending(): boolean {
    return this.#fields.some(({ pending }) => pending.size > 0);
  }

  /** Notes what the key at `start` needs. */
  noteKey(keys: Uint8Array, start: number): void {
    const tick = this.#tick();
    for (const field of this.#fields) field.note(keys, start, tick);
  }

  /** Notes what records need that lie back to back, each at a multiple of 8. Fields that a record is too short for need nothing. */
  noteRecords(data: Uint8Array, lengths: Uint32Array, count: number): void {
    const tick = this.#tick();
    for (const field of this.#fields) {
      let start = 0;
      for (let i = 0; i < count; i++) {
        const length = lengths[i]!;
        if (length >= field.end) field.note(data, start, tick);
        start += (length + 7) & ~7;
      }
    }
  }

  /** Notes anew what keys have needed that are not new any more, where the answer may be another by now. */
  askDue(): void {
    const tick = this.#tick();
    if (tick === this.#askedDue) return;
    this.#askedDue = tick;
    for (const field of this.#fields) field.askDue(tick);
  }

  /**
   * Looks up what was noted, and returns what is new as Lookup bodies, to be handed on at once: it counts as said. What the host
   * does not know is left out: decoding says so. `onError` is told of what could not be looked up: it stays noted.
   */
  async take(onError: (error: unknown) => void): Promise<FrameBody[]> {
    const bodies: FrameBody[] = [];
    for (const field of this.#fields) {
      try {
        bodies.push(...(await this.#lookUp(field)));
      } catch (error) {
        onError(error);
      }
    }
    return bodies;
  }

  async #lookUp(field: AskedField): Promise<FrameBody[]> {
    const { kind } = field;
    const ids = [...field.pending];
    const names: (Uint8Array | undefined)[] = [];
    for (const id of ids) names.push(await this.#answers.answer(kind, id));
    const tick = this.#tick();
    const known = tick + Math.ceil(this.#answers.standsMs(kind) / TICK_MS);
    const news: Fact[] = [];
    for (const [i, id] of ids.entries()) {
      const name = names[i];
      const isNews = field.answered(id, name, name === undefined ? tick + 1 : known);
      if (name !== undefined && isNews) news.push({ id, name });
    }
    return lookupBodies(kind, news);
  }

  /** Nothing counts as said any more. */
  renew(): void {
    this.generation++;
    for (const field of this.#fields) field.forget();
  }

  #tick(): number {
    return Math.floor(this.#now() / TICK_MS) + 1;
  }
}

/** A field whose size no number has cannot be decoded, so nothing is asked for it. */
function askedOf(fields: readonly Field[], answers: HostAnswers): AskedField[] {
  const asked = new Map<string, AskedField>();
  for (const field of fields) {
    const kind = HOST_DECODER_NAMES.find((name) => field.decoders.some((decoder) => decoder.name === name));
    const place = kind === undefined || !answers.has(kind) ? null : askedPlace(kind, field);
    if (place !== null) asked.set(`${kind} ${place.offset} ${place.size} ${place.count}`, new AskedField(kind!, place));
  }
  return [...asked.values()];
}
