const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** Finds labels in texts like `a="x",b="y"`. Where the value of the one it has found lies is kept in `from` and `to`. */
export class LabelScan {
  from = 0;
  to = 0;

  /** @param head `name="`. False when the text in `text[at..end)` does not have the label. */
  find(text: Uint8Array, at: number, end: number, head: Uint8Array): boolean {
    while (at < end) {
      const isIt = startsWith(text, at, head);
      while (text[at] !== QUOTE) at++;
      const from = ++at;
      while (text[at] !== QUOTE) at += text[at] === BACKSLASH ? 2 : 1;
      if (isIt) {
        this.from = from;
        this.to = at;
        return true;
      }
      if (text[++at] === COMMA) at++;
    }
    return false;
  }
}

function startsWith(text: Uint8Array, at: number, head: Uint8Array): boolean {
  for (let i = 0; i < head.length; i++) if (text[at + i] !== head[i]) return false;
  return true;
}
