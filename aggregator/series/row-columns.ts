import { SondeError } from '../../wire/errors.js';
import { unpackU32, type MapRows, type MapShape } from '../../wire/frame.js';
import { CPU_SIZE } from '../../wire/layout/fields.js';
import type { RowColumns } from './map-rows.js';

/** The columns of a MapRows frame. Throws a SondeError `FRAME_MALFORMED` when they do not fit each other or the map. */
export function rowColumns(rows: MapRows, shape: MapShape): RowColumns {
  const count = rows.slots.length / 4;
  const keySize = shape.keySize + (shape.cpuRows ? CPU_SIZE : 0);
  const fits =
    Number.isInteger(count) &&
    rows.generations.length === count * 4 &&
    rows.keys.length === count * keySize &&
    rows.values.length === count * shape.valueSize &&
    (rows.vanished.length === 0 || rows.vanished.length === count);
  if (!fits) {
    throw new SondeError(
      'FRAME_MALFORMED',
      `columns of map ${shape.name} do not fit ${count} rows of ${keySize}+${shape.valueSize} bytes`,
      { stage: 'decode' },
    );
  }
  return {
    count,
    slots: unpackU32(rows.slots),
    generations: unpackU32(rows.generations),
    keys: rows.keys,
    keySize,
    values: rows.values,
    valueSize: shape.valueSize,
    vanished: rows.vanished,
  };
}
