import type { DecoderFactory } from './decoder.js';

/** Text → text by the config's table; `unknown:<text>`, or the text itself with `allow_unknown`, when it is not in there. */
export const staticMap: DecoderFactory = (config) => {
  const table = new Map<string, Uint8Array>();
  for (const [from, to] of config.staticMap ?? []) table.set(Buffer.from(from).toString('latin1'), Buffer.from(to));
  return (input) => {
    const known = table.get(Buffer.from(input).toString('latin1'));
    if (known !== undefined) return known;
    return config.allowUnknown ? input : Buffer.concat([Buffer.from('unknown:'), input]);
  };
};
