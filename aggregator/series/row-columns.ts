import { SondeError } from '../../wire/errors.js';
import { unpackU32, type MapRows, type MapShape } from '../../wire/frame.js';
import { CPU_SIZE } from '../../wire/layout/fields.js';
import type { RowColumns } from './map-rows.js';

/** The columns of a MapRows frame. Throws a SondeError `FRAME_MALFORMED` when they do not fit each other or the map. */
export function rowColumns(rows: MapRows, shape: MapShape, littleEndian: boolean): RowColumns {
  const count = rows.slots.length / 4;
  const keySize = shape.keySize + (shape.cpuRows ? CPU_SIZE : 0);
  const fits =
    Number.isInteger(count) &&
    rows.generations.length === count * 4 &&
    rows.keys.length === count * keySize &&
    rows.values.length === count * shape.valueSize &&
    (rows.vanished.length === 0 || rows.vanished.length === count) &&
    shape.valueSize === 8;
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
    values: littleEndian ? unpackU32(rows.values) : swapU64(rows.values),
    vanished: rows.vanished,
  };
}

/** Packed big-endian u64s as pairs of words, low one first. */
function swapU64(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = new Uint32Array(bytes.length / 4);
  for (let word = 0; word < words.length; word += 2) {
    words[word] = view.getUint32(word * 4 + 4);
    words[word + 1] = view.getUint32(word * 4);
  }
  return words;
}
