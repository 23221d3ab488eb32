import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';

/** Binds a Unix datagram socket, which Node cannot, and prints what comes, a JSON text a line. */
const PROGRAM = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
s.bind('\\0' + name[1:] if name.startswith('@') else name)
print('bound', flush=True)
while True:
    print(json.dumps(s.recv(65536).decode()), flush=True)
`;

/** What came to a socket such as systemd's, in order; the list grows. `onMessage` is called at once. */
export async function notifySocket(
  t: TestContext,
  path: string,
  onMessage: (message: string) => void = () => undefined,
): Promise<readonly string[]> {
  const child = spawn('python3', ['-c', PROGRAM, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const messages: string[] = [];
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  lines.on('line', (line) => {
    const message = JSON.parse(line) as string;
    messages.push(message);
    onMessage(message);
  });
  return messages;
}
