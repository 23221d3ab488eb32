/** Takes connections and reads all they send; ends with its standard input. Says `listening`. */
import { createServer } from 'node:net';

export interface ServeArgument {
  readonly port: number;
}

const { port } = JSON.parse(process.argv[2]!) as ServeArgument;
const server = createServer((socket) => socket.resume().on('error', () => undefined)); // clients may reset
server.listen(port, '::', () => process.stdout.write('listening\n'));
process.stdin.resume().on('end', () => process.exit(0));
