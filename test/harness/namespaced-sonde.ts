import { parseMetrics, type Sample } from './kernel-metrics.js';
import type { Network } from './netns.js';
import type { Sonde } from './sonde.js';

/** The interface that the fixture `sections` names in its XDP program, and the port whose datagrams that counts. */
export const XDP_INTERFACE = 'sondetest0';
const DISCARD_PORT = 9;

/** Gives the client's end the name that the fixture `sections` has. */
export async function nameXdpInterface({ client }: Network): Promise<void> {
  await client.exec('ip', 'link', 'set', 'veth0', 'down');
  await client.exec('ip', 'link', 'set', 'veth0', 'name', XDP_INTERFACE, 'up');
}

/** From the server to the client. */
export async function sendDatagrams({ client, server }: Network, count: number): Promise<void> {
  const script = `const socket = require('node:dgram').createSocket('udp4');
    let left = ${count};
    const next = () => (left-- > 0 ? socket.send('x', ${DISCARD_PORT}, '${client.ipv4}', next) : socket.close());
    next();`;
  await server.exec(process.execPath, '-e', script);
}

/** A scrape of a Sonde that runs in the client's namespace. */
export async function scrapeIn({ client }: Network, { url }: Pick<Sonde, 'url'>): Promise<Sample[]> {
  const script = `fetch('${url}/metrics').then((answer) => answer.text()).then((text) => process.stdout.write(text))`;
  return parseMetrics(await client.exec(process.execPath, '-e', script));
}
