import { stat } from 'node:fs/promises';
import type { Fixture } from './kernel-sonde.js';
import { Network } from './netns.js';
import type { Aim } from './probe-folder.js';

/** Two network namespaces; probes are aimed at the server's. */
export class AimedNetwork implements Fixture {
  #network: Network | undefined;
  #inode = 0;

  async create(): Promise<void> {
    this.#network = await Network.create();
    this.#inode = (await stat(`/run/netns/${this.network.server.name}`)).ino;
  }

  get network(): Network {
    return this.#network!;
  }

  get aim(): Aim {
    return { filter_netns: this.#inode };
  }

  async close(): Promise<void> {
    await this.#network?.close();
  }
}
