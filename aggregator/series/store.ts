import { SondeError } from '../../wire/errors.js';
import { Family, type FamilyDefinition } from './family.js';

/** Families that a host holds at most, over all its configs. */
const MAX_FAMILIES = 16_384;

export interface SeriesLimits {
  /** Series a family holds at most; what comes beyond goes to one series whose labels all say `other`. */
  readonly maxSeriesPerMetric: number;
}

/** All families of one host, by name. */
export class SeriesStore {
  readonly #families = new Map<string, Family>();
  readonly #limits: SeriesLimits;

  constructor(limits: SeriesLimits) {
    this.#limits = limits;
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
   * Throws `METRIC_CONFLICT` when the name is in use with another type, help, label set, kind of number or other buckets, `FRAME_LIMIT` when there
   * are too many.
   */
  family(definition: FamilyDefinition, isInUse: (family: Family) => boolean): Family {
    const known = this.#families.get(definition.name);
    if (known !== undefined) {
      const difference = differenceOf(known.definition, definition);
      if (difference === undefined) return known;
      if (!isInUse(known) && difference === 'help') {
        known.describe(definition.help);
        return known;
      }
      if (isInUse(known)) {
        const message = `metric ${definition.name} is already there with another ${difference}`;
        throw new SondeError('METRIC_CONFLICT', message, { stage: 'decode' });
      }
      this.#families.delete(definition.name);
    }
    if (this.#families.size >= MAX_FAMILIES) {
      const message = `metric ${definition.name} would be one more than ${MAX_FAMILIES}`;
      throw new SondeError('FRAME_LIMIT', message, { stage: 'decode' });
    }
    const family = new Family(definition, this.#limits.maxSeriesPerMetric);
    this.#families.set(definition.name, family);
    return family;
  }
}

function differenceOf(one: FamilyDefinition, other: FamilyDefinition): string | undefined {
  if (one.type !== other.type) return 'type';
  if ([...one.labels].sort().join() !== [...other.labels].sort().join()) return 'label set';
  if (one.buckets?.bounds.join() !== other.buckets?.bounds.join()) return 'bucket layout';
  if (one.numbers !== other.numbers) return 'kind of number';
  if (one.help !== other.help) return 'help';
  return undefined;
}
