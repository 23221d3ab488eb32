/** Makes connections, says `connected` when they are complete, and resets them when its standard input ends. */
import { once } from 'node:events';
import { connect } from 'node:net';

export interface ConnectionsArgument {
  readonly host: string;
  readonly port: number;
  readonly count: number;
}

const { host, port, count } = JSON.parse(process.argv[2]!) as ConnectionsArgument;
const sockets = Array.from({ length: count }, () => connect(port, host));
await Promise.all(sockets.map((socket) => once(socket, 'connect')));
process.stdout.write('connected\n');
process.stdin.resume().on('end', () => sockets.forEach((socket) => socket.resetAndDestroy()));
