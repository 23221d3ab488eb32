/** Labels of a series, by name. */
export type Labels = Readonly<Record<string, string>>;

const REPLACEMENT = '\uFFFD';

/**
 * A label's text by the rule of ARCHITECTURE.md, "Label bytes": up to the first NUL; a byte that is no part of well-formed UTF-8 is
 * U+FFFD and its two hex digits, and a real U+FFFD is doubled. Of its own, so that the truth does not come from what it judges.
 */
export function labelText(bytes: Uint8Array): string {
  const nul = bytes.indexOf(0);
  const end = nul < 0 ? bytes.length : nul;
  if (bytes.subarray(0, end).every((byte) => byte < 0x80))
    return Buffer.from(bytes.subarray(0, end)).toString('latin1');
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let text = '';
  for (let at = 0; at < end;) {
    const size = [1, 2, 3, 4].find((length) => at + length <= end && isText(strict, bytes.subarray(at, at + length)));
    if (size === undefined) {
      text += REPLACEMENT + bytes[at]!.toString(16).padStart(2, '0');
      at++;
      continue;
    }
    const character = strict.decode(bytes.subarray(at, at + size));
    text += character === REPLACEMENT ? REPLACEMENT + REPLACEMENT : character;
    at += size;
  }
  return text;
}

function isText(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false; // What the question is about.
  }
}

/**
 * What made-up processes call themselves: mostly plain, some with what an exposition has to escape, some that are not UTF-8, and
 * some with rubbish behind the NUL, which are other keys and the same label.
 */
export function commandBytes(number: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const plain = Buffer.from(`cmd-${number}`);
  bytes.set(plain);
  const rest = bytes.subarray(plain.length);
  switch (number % 16) {
    case 3:
      rest.set([0xff, 0xc3]);
      break;
    case 5:
      rest.set(Buffer.from(REPLACEMENT));
      break;
    case 7:
      rest.set([0x22, 0x5c, 0x0a]); // quote, backslash, newline
      break;
    case 9:
      bytes.fill(0);
      bytes.set(Buffer.from(`cmd-${number - 1}`));
      bytes[size - 1] = 0x21;
      break;
    case 11:
      rest.set(Buffer.from('é'));
      break;
  }
  return bytes;
}
