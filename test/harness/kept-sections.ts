import { Partition, type PartitionOptions } from '../../aggregator/partition.js';

/** A store of one partition, as Redis keeps it: what was written survives, byte by byte. */
export class KeptSections {
  readonly sections = new Map<string, Uint8Array>();
  offset = 0n;
  bytes = 0;

  async keep(partition: Partition): Promise<void> {
    const { offset, put, remove } = await partition.change();
    this.bytes = 0;
    for (const [name, bytes] of put) {
      this.sections.set(name, Uint8Array.from(bytes));
      this.bytes += bytes.length;
    }
    for (const name of remove) this.sections.delete(name);
    this.offset = offset;
    partition.stored();
  }

  async restored(options: PartitionOptions, number = 0): Promise<Partition> {
    const partition = new Partition(number, options);
    await partition.restore({ offset: this.offset, sections: this.sections });
    return partition;
  }
}
