import type { HeldPartition } from '../../aggregator.js';
import type { Labels } from '../../host-labels.js';
import type { Host } from '../../host.js';
import type { Sample, SmallFamily } from './small-family.js';

export interface Fleet {
  readonly partitions: readonly HeldPartition[];
  /** Of the partitions that are shown, the silent ones included. */
  readonly hosts: readonly Host[];
  /** Those whose series are shown. */
  readonly heard: readonly Host[];
  /** Of each host. */
  readonly labels: ReadonlyMap<Host, Labels>;
}

/** What is known of hosts and partitions as such. */
export function fleetFamilies({ partitions, hosts, heard, labels }: Fleet): SmallFamily[] {
  const ofPartitions = (value: (held: HeldPartition) => number | bigint): Sample[] =>
    partitions.map((held) => ({ labels: { partition: String(held.partition.number) }, value: value(held) }));
  return [
    {
      name: 'sonde_host_info',
      help: 'Always 1; the labels say what the host is',
      type: 'gauge',
      samples: heard.map((host) => ({ labels: { ...labels.get(host)!, ...factsOf(host) }, value: 1 })),
    },
    {
      name: 'sonde_host_last_frame_timestamp_seconds',
      help: 'When the bus took the newest frame of a host; of silent hosts, too, whose series are not shown any more',
      type: 'gauge',
      samples: hosts.map((host) => ({ labels: labels.get(host)!, value: host.lastRecordMs / 1000 })),
    },
    {
      name: 'sonde_hosts',
      help: 'Hosts of a partition, the silent ones included',
      type: 'gauge',
      samples: ofPartitions(({ partition }) => partition.hosts.size),
    },
    {
      name: 'sonde_partition_shown',
      help: 'Whether the series of a partition that is held are shown: it is read up to where it ended, and certainly held',
      type: 'gauge',
      samples: ofPartitions(({ isShown }) => (isShown ? 1 : 0)),
    },
    {
      name: 'sonde_partition_offset',
      help: 'Offset of the record of a partition that is applied next',
      type: 'gauge',
      samples: ofPartitions(({ partition }) => partition.next ?? 0n),
    },
  ];
}

function factsOf({ id, manifest }: Host): Labels {
  const host = manifest?.host;
  return {
    host_id: id,
    hostname: host?.hostname ?? '',
    kernel_release: host?.kernelRelease ?? '',
    arch: host?.arch ?? '',
    collector_version: host?.collectorVersion ?? '',
  };
}
