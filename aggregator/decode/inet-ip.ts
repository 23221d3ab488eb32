import { DecodeError, type Decoder } from './decoder.js';

/** 4 or 16 bytes in network order → the text of Go's `net.IP`: IPv4-mapped addresses print as IPv4, `::` as RFC 5952 says. */
export const inetIp: Decoder = (input) => {
  if (input.length === 4) return Buffer.from(input.join('.'));
  if (input.length !== 16) throw new DecodeError(`inet_ip takes 4 or 16 bytes, not ${input.length}`);
  if (isMapped(input)) return Buffer.from(input.subarray(12).join('.'));
  return Buffer.from(ipv6(input));
};

function isMapped(input: Uint8Array): boolean {
  return input.subarray(0, 10).every((byte) => byte === 0) && input[10] === 0xff && input[11] === 0xff;
}

function ipv6(input: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (input[i * 2]! << 8) | input[i * 2 + 1]!);
  const run = longestZeroRun(groups);
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (run.length < 2) return text(groups);
  return `${text(groups.slice(0, run.start))}::${text(groups.slice(run.start + run.length))}`;
}

/** The first of the longest runs of zero groups. */
function longestZeroRun(groups: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
    start += length;
  }
  return best;
}
