import type { FrameBody } from '../publish/frame-encoder.js';
import type { Fact } from './map-model.js';

/** Facts of a frame at most. */
const MAX_FACTS = 4096;

/** What a made-up host has looked up: said once before it is needed, and again when asked to. */
export class FactSheet {
  readonly #known = new Map<bigint, Fact>();
  #pending: Fact[] = [];

  need(fact: Fact): void {
    if (fact.name === undefined || this.#known.has(fact.id)) return;
    this.#known.set(fact.id, fact);
    this.#pending.push(fact);
  }

  /** Everything is to be said again. */
  repeat(): void {
    this.#pending = [...this.#known.values()];
  }

  forget(): void {
    this.#known.clear();
    this.#pending = [];
  }

  /** Lookups of what has not been said. */
  take(): FrameBody[] {
    const bodies: FrameBody[] = [];
    for (let from = 0; from < this.#pending.length; from += MAX_FACTS) {
      const facts = this.#pending.slice(from, from + MAX_FACTS);
      const names = facts.map(({ name }) => Buffer.from(name!));
      bodies.push({ case: 'lookup', value: { kind: 'ksym', ids: facts.map(({ id }) => id), names } });
    }
    this.#pending = [];
    return bodies;
  }
}
