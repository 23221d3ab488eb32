import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** What becomes of a request: passed on, answered with a status, never answered, or cut in the middle. */
export type Fault =
  | 'pass'
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | 'hang'
  /** Nothing of the request reaches the server. */
  | 'reset'
  /** The server takes it, and its answer never comes. */
  | 'reset-after';

export interface FaultProxy {
  readonly url: string;
  /** Requests so far. */
  readonly requests: number;
  /** What becomes of requests from now on. */
  fault: Fault | (() => Fault);
}

/** Stands between a client and a server, and does to requests what it is told. Goes with the test. */
export async function startFaultProxy(t: TestContext, target: string): Promise<FaultProxy> {
  const server = createServer((incoming, outgoing) => {
    proxy.requests++;
    const fault = typeof proxy.fault === 'function' ? proxy.fault() : proxy.fault;
    handle(fault, target, incoming, outgoing);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  const proxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: 0,
    fault: 'pass' as FaultProxy['fault'],
  };
  return proxy;
}

function handle(fault: Fault, target: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (fault === 'hang') return void incoming.resume();
  if (fault === 'reset') return void incoming.socket.resetAndDestroy();
  if (typeof fault === 'object') {
    incoming.resume();
    outgoing.writeHead(fault.status, fault.headers).end(fault.body ?? '');
    return;
  }
  const { method, url, headers } = incoming;
  const passed = request(`${target}${url}`, { method, headers }, (answer) => {
    if (fault === 'reset-after') return void incoming.socket.resetAndDestroy();
    outgoing.writeHead(answer.statusCode!, answer.headers);
    answer.pipe(outgoing);
  });
  passed.on('error', () => incoming.socket.destroy());
  incoming.pipe(passed);
}
