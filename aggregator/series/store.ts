import { SondeError } from '../../wire/errors.js';
import type { FrameClock } from './expiry.js';
import { Family, type FamilyDefinition } from './family.js';
import { sameLimits, type FamilyLimits } from './limits.js';

/** Families that a host holds at most, over all its configs. */
const MAX_FAMILIES = 16_384;

/** All families of one host, by name. */
export class SeriesStore {
  readonly #families = new Map<string, Family>();
  readonly #clock: FrameClock;
  readonly #onEnded: (family: Family) => void;

  /** @param onEnded told of a family that ends. */
  constructor(clock: FrameClock, onEnded: (family: Family) => void = () => undefined) {
    this.#clock = clock;
    this.#onEnded = onEnded;
  }

  families(): Iterable<Family> {
    return this.#families.values();
  }

  get(name: string): Family | undefined {
    return this.#families.get(name);
  }

  /**
   * The family of this definition; two configs with the same one share it. A family of that name with another definition ends
   * and makes room, unless `isInUse` says that a config which runs beside this one has it.
   * Throws `METRIC_CONFLICT` when the name is in use with another type, help, label set, kind of number, other buckets or limits,
   * `FRAME_LIMIT` when there are too many.
   */
  family(definition: FamilyDefinition, limits: FamilyLimits, isInUse: (family: Family) => boolean): Family {
    const known = this.#families.get(definition.name);
    if (known !== undefined) {
      const difference = differenceOf(known, definition, limits);
      if (difference === undefined) return known;
      if (isInUse(known)) {
        const message = `metric ${definition.name} is already there with another ${difference}`;
        throw new SondeError('METRIC_CONFLICT', message, { stage: 'decode' });
      }
      if (difference === 'help' || difference === 'limit') {
        known.describe(definition.help);
        known.limit(limits);
        return known;
      }
      this.#end(known);
    }
    if (this.#families.size >= MAX_FAMILIES) {
      const message = `metric ${definition.name} would be one more than ${MAX_FAMILIES}`;
      throw new SondeError('FRAME_LIMIT', message, { stage: 'decode' });
    }
    const family = new Family(definition, limits, this.#clock);
    this.#families.set(definition.name, family);
    return family;
  }

  /** Ends all families but those of these names. */
  retain(names: ReadonlySet<string>): void {
    for (const family of [...this.#families.values()]) if (!names.has(family.definition.name)) this.#end(family);
  }

  #end(family: Family): void {
    this.#families.delete(family.definition.name);
    this.#onEnded(family);
  }
}

/** The gravest difference first. */
function differenceOf(known: Family, definition: FamilyDefinition, limits: FamilyLimits): string | undefined {
  const one = known.definition;
  if (one.type !== definition.type) return 'type';
  if ([...one.labels].sort().join() !== [...definition.labels].sort().join()) return 'label set';
  if (one.buckets?.layout !== definition.buckets?.layout) return 'bucket layout';
  if (one.numbers !== definition.numbers) return 'kind of number';
  if (one.aggregate !== definition.aggregate) return 'aggregate';
  if (!sameLimits(known.limits, limits)) return 'limit';
  if (one.help !== definition.help) return 'help';
  return undefined;
}
