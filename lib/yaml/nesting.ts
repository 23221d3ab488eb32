import { Lexer } from 'yaml';

/** What comes after it is a scalar's own text. */
const SCALAR = '\x1f';

/**
 * Whether a text is nested deeper than so many levels, as far as can be seen from its tokens: brackets that are open, columns
 * that a line is indented, and indicators (`- - -`) in a line. The parser recurses, and at the end of its stack V8 may end
 * the process (it cannot compile a regular expression there), so depth is bounded before.
 */
export function isNestedDeeper(source: string, maxDepth: number): boolean {
  let open = 0;
  let inLine = 0;
  let afterScalar = false;
  for (const token of new Lexer().lex(source)) {
    const isText = afterScalar;
    afterScalar = token === SCALAR;
    if (isText) continue;
    if (token === '\n' || token === '\r\n') inLine = 0;
    else if (token === '[' || token === '{') open++;
    else if (token === ']' || token === '}') open--;
    else if (open === 0 && (token === '-' || token === '?' || token === ':')) inLine++;
    else if (inLine === 0 && token.startsWith(' ')) inLine = token.length;
    if (open + inLine > maxDepth) return true;
  }
  return false;
}
