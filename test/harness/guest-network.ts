import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Where a guest of QEMU's user network finds the loopback address of the machine that it runs on. */
const HOST = '10.0.2.2';
const OWN = '10.0.2.15/24';

/** In a guest: brings the network up, if no other test has. */
export function joinHost(): void {
  execFileSync('modprobe', ['virtio_net']);
  const [name] = execFileSync('sh', ['-c', 'ls /sys/class/net | grep -v ^lo$'], { encoding: 'utf8' }).split('\n');
  execFileSync('ip', ['addr', 'replace', OWN, 'dev', name!]);
  execFileSync('ip', ['link', 'set', name!, 'up']);
}

/** In a guest: the host's loopback port under the same address, as a broker says its own to be. Resolves with what ends it. */
export async function forwardPort(port: number): Promise<() => void> {
  const sockets = new Set<Socket>();
  const join = (from: Socket, to: Socket): void => {
    sockets.add(from);
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const server = createServer((client) => {
    const host = connect(port, HOST);
    join(client, host);
    join(host, client);
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
}
