/** A table of names as `scripts/kernel-tables.mjs` writes it: names in order; a number is that of the name after it. */
export function namesByNumber(text: string): ReadonlyMap<bigint, Uint8Array> {
  const names = new Map<bigint, Uint8Array>();
  let next = 0n;
  for (const word of text.trim().split(/\s+/)) {
    if (/^\d/.test(word)) next = BigInt(word);
    else names.set(next++, Buffer.from(word));
  }
  return names;
}
