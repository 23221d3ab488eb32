import type { Decoder } from './decoder.js';

const ROOT = Buffer.from('.');
const DOT = 0x2e;

/**
 * Labels of a DNS name as on the wire → dotted text. A label of no length is a dot; bytes that are no labels, because a length runs past
 * the end, stay as they are; a name without labels is `.`.
 */
export const dname: Decoder = (input) => {
  const text = Buffer.from(input);
  for (let at = 0; at < input.length; at += 1 + input[at]!) {
    if (at + 1 + input[at]! > input.length) return input;
    text[at] = DOT;
  }
  return text.length < 2 ? ROOT : text.subarray(1);
};
