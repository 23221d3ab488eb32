/** Connects to addresses that never answer, and gives up. The kernel sends each SYN again after 1 s and after 3 s. */
import { connect } from 'node:net';

export interface ConnectArgument {
  readonly to: readonly { readonly host: string; readonly port: number; readonly localPort?: number }[];
  readonly forMs: number;
}

const { to, forMs } = JSON.parse(process.argv[2]!) as ConnectArgument;
const sockets = to.map((target) =>
  connect(target)
    .on('error', fail)
    .on('connect', () => fail(new Error('was answered'))),
);
setTimeout(() => sockets.forEach((socket) => socket.destroy()), forMs);

function fail(error: Error): void {
  throw error;
}
