import type { DecoderFactory } from './decoder.js';
import { decimalOf } from './number.js';
import { ERRORS } from './tables/errors.js';
import { namesByNumber } from './tables/names-by-number.js';

/** Of two names for one error, ebpf_exporter has the one of POSIX: the kernel's header says EOPNOTSUPP. */
const ENOTSUP = 95n;

let names: Map<bigint, Uint8Array> | undefined;

/** The decimal text of an error's number → its name, or `unknown:<number>`. */
export const errno: DecoderFactory = () => {
  names ??= new Map([...namesByNumber(ERRORS), [ENOTSUP, Buffer.from('ENOTSUP')]]);
  const known = names;
  return (input) => {
    const number = decimalOf(input, 'errno');
    return known.get(number) ?? Buffer.from(`unknown:${number}`);
  };
};
