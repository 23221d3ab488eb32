/** Sends UDP datagrams to itself over the loopback device and waits for each to arrive. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

export interface DatagramsArgument {
  readonly count: number;
  readonly bytes: number;
}

const { count, bytes } = JSON.parse(process.argv[2]!) as DatagramsArgument;
const socket = createSocket('udp4').bind(0, '127.0.0.1');
await once(socket, 'listening');
for (let i = 0; i < count; i++) {
  socket.send(Buffer.alloc(bytes), socket.address().port, '127.0.0.1');
  await once(socket, 'message');
}
socket.close();
