/**
 * Connects, says `connected`, waits for a byte on standard input, sends one segment, and resets the connection after a
 * while: when that segment is lost, the kernel first sends a loss probe, then retransmits.
 */
import { connect } from 'node:net';

export interface ProbeArgument {
  readonly host: string;
  readonly port: number;
  readonly forMs: number;
}

const { host, port, forMs } = JSON.parse(process.argv[2]!) as ProbeArgument;
const socket = connect(port, host, () => process.stdout.write('connected\n'));
process.stdin.once('data', () => {
  process.stdin.destroy();
  socket.write('lost');
  setTimeout(() => socket.resetAndDestroy(), forMs);
});
