import { Option, type Command } from 'commander';
import { durationFrom, time } from './flag-values.js';

/** What one run of `sonde record` is to be. */
export interface RecordFlags {
  /** Milliseconds; undefined: until a signal. */
  readonly duration?: number;
  /** Milliseconds since 1970; undefined: from now on. */
  readonly from?: number;
  readonly force?: true;
}

export function addRecordFlags(command: Command): Command {
  return command
    .argument('<file>', 'where the frames go')
    .addOption(
      new Option('--duration <duration>', 'such as 10m; left out: until it is ended').argParser(durationFrom(50)),
    )
    .addOption(
      new Option('--from <time>', 'with Kafka: what the topic holds since then, too; left out: from now on').argParser(
        time,
      ),
    )
    .option('--force', 'overwrite the file that is there');
}
