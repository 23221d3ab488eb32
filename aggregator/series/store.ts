import { SondeError } from '../../wire/errors.js';
import { Family, type FamilyDefinition } from './family.js';

/** Families that are held at most, over all configs of all hosts. */
const MAX_FAMILIES = 16_384;

export interface SeriesLimits {
  /** Series a family holds at most; what comes beyond goes to one series whose labels all say `other`. */
  readonly maxSeriesPerMetric: number;
}

/** All families, by name. */
export class SeriesStore {
  readonly #families = new Map<string, Family>();
  readonly #limits: SeriesLimits;

  constructor(limits: SeriesLimits) {
    this.#limits = limits;
  }

  families(): Iterable<Family> {
    return this.#families.values();
  }

  /**
   * The family of this definition; two configs with the same one share it.
   * Throws `METRIC_CONFLICT` when the name is taken by another type, help, label set or other buckets, `FRAME_LIMIT` when there
   * are too many.
   */
  family(definition: FamilyDefinition): Family {
    const known = this.#families.get(definition.name);
    if (known !== undefined) {
      const difference = differenceOf(known.definition, definition);
      if (difference === undefined) return known;
      throw new SondeError('METRIC_CONFLICT', `metric ${definition.name} is already there with another ${difference}`, {
        stage: 'decode',
      });
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
  if (one.help !== other.help) return 'help';
  if ([...one.labels].sort().join() !== [...other.labels].sort().join()) return 'label set';
  if (one.buckets?.bounds.join() !== other.buckets?.bounds.join()) return 'bucket layout';
  return undefined;
}
