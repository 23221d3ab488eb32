import { readFile } from 'node:fs/promises';

/** Where distributions have it. */
const PATHS = ['/usr/share/misc/pci.ids', '/usr/share/hwdata/pci.ids'];
/** How long it stands that there is none: the package may be installed. */
const MISSING_MS = 10_000;

/** What is said instead of names without the file, as ebpf_exporter says it. */
const MISSING = 'missing pci.ids db';

interface Names {
  readonly vendors: Map<number, string>;
  /** By vendor × 2^16 + device. */
  readonly devices: Map<number, string>;
  readonly classes: Map<number, string>;
  /** By class × 2^8 + subclass. */
  readonly subclasses: Map<number, string>;
}

/** Names of PCI vendors, devices and classes from `pci.ids`, which is read when the first is asked for. */
export class PciIds {
  readonly #paths: readonly string[];
  readonly #now: () => number;
  #names: Names | undefined;
  #reading: Promise<void> | undefined;
  #readAt = -Infinity;

  /** `now`: a clock that only goes forward, in milliseconds. */
  constructor(paths: readonly string[] = PATHS, now: () => number = () => performance.now()) {
    this.#paths = paths;
    this.#now = now;
  }

  vendor(id: bigint): Promise<Uint8Array | undefined> {
    return this.#name((names) => names.vendors.get(Number(id)));
  }

  /** `id`: vendor × 2^16 + device. */
  device(id: bigint): Promise<Uint8Array | undefined> {
    return this.#name((names) => names.devices.get(Number(id)));
  }

  class(id: bigint): Promise<Uint8Array | undefined> {
    return this.#name((names) => names.classes.get(Number(id)));
  }

  /** `id`: class × 2^8 + subclass. Where the class itself is unknown, that is the answer. */
  subclass(id: bigint): Promise<Uint8Array | undefined> {
    return this.#name((names) => {
      const known = names.subclasses.get(Number(id));
      if (known !== undefined || names.classes.has(Number(id >> 8n))) return known;
      return `unknown pci class: 0x${(id >> 8n).toString(16).padStart(2, '0')}`;
    });
  }

  async #name(find: (names: Names) => string | undefined): Promise<Uint8Array | undefined> {
    if (this.#names === undefined && this.#now() - this.#readAt >= MISSING_MS) {
      await (this.#reading ??= this.#read().finally(() => (this.#reading = undefined)));
    }
    const name = this.#names === undefined ? MISSING : find(this.#names);
    return name === undefined ? undefined : Buffer.from(name, 'latin1');
  }

  /** A file that cannot be read is as good as none. */
  async #read(): Promise<void> {
    for (const path of this.#paths) {
      try {
        this.#names = parse(await readFile(path, 'latin1'));
        return;
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) throw error;
      }
    }
    this.#readAt = this.#now();
  }
}

/** Vendors, and after `C` classes, begin a line; what is of them follows with one tab; what has two is left out. Text is bytes. */
function parse(text: string): Names {
  const names: Names = { vendors: new Map(), devices: new Map(), classes: new Map(), subclasses: new Map() };
  let owner = NaN;
  let isClass = false;
  for (const [, tab, mark, id, name] of text.matchAll(/^(\t?)(C )?([0-9a-f]{2,4}) {2}(.*\S)/gm)) {
    const number = parseInt(id!, 16);
    if (tab === '') {
      owner = number;
      isClass = mark !== undefined;
      (isClass ? names.classes : names.vendors).set(number, name!);
    } else if (isClass) {
      names.subclasses.set(owner * 2 ** 8 + number, name!);
    } else {
      names.devices.set(owner * 2 ** 16 + number, name!);
    }
  }
  return names;
}
