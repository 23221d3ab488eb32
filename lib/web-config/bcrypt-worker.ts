import { parentPort, workerData } from 'node:worker_threads';
import { compareSync } from 'bcryptjs';

/** A thread of its own for one comparison, which keeps a core busy for a tenth of a second and more. */
const { password, hash } = workerData as { readonly password: string; readonly hash: string };
parentPort!.postMessage(compareSync(password, hash));
