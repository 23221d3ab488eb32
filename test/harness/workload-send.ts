/** Connects, sends, and closes when all has been acknowledged: bulk, then small writes with pauses, which end in tail losses. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface SendArgument {
  readonly host: string;
  readonly port: number;
  readonly bulkBytes: number;
  readonly writes: number;
  readonly pauseMs: number;
}

const { host, port, bulkBytes, writes, pauseMs } = JSON.parse(process.argv[2]!) as SendArgument;
const socket = connect(port, host, () => void send()).setNoDelay(true);

async function send(): Promise<void> {
  socket.write(Buffer.alloc(bulkBytes));
  for (let i = 0; i < writes; i++) {
    await sleep(pauseMs);
    socket.write(Buffer.alloc(1000));
  }
  socket.end();
}
