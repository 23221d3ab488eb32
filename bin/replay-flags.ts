import { Option, type Command } from 'commander';
import { REPLAY_FORMATS, type ReplayFormat } from '../aggregator/replay/sample-text.js';
import { durationFrom, time } from './flag-values.js';

/** What one run of `sonde replay` is to be. */
export interface ReplayFlags {
  /** Milliseconds since 1970. */
  readonly from?: number;
  readonly to?: number;
  /** Milliseconds. */
  readonly step: number;
  /** `influx`: points for InfluxDB instead of text. */
  readonly format: ReplayFormat | 'influx';
  readonly output?: string;
  readonly force?: true;
}

export function addReplayFlags(command: Command): Command {
  return command
    .argument('[file]', 'what sonde record has written; left out: from Kafka, with --from and --to')
    .addOption(new Option('--from <time>', 'the first moment, by the clock of the bus').argParser(time))
    .addOption(new Option('--to <time>', 'the first moment that is not part of it').argParser(time))
    .addOption(
      new Option('--step <duration>', "time between two samples of a series, by its host's clock")
        .default(10_000, '10s')
        .argParser(durationFrom(1)),
    )
    .addOption(
      new Option('--format <format>', 'OpenMetrics with timestamps, JSON lines, or points written to influx.url')
        .choices([...REPLAY_FORMATS, 'influx'])
        .default('openmetrics'),
    )
    .option('--output <file>', 'where it goes; left out: standard output')
    .option('--force', 'overwrite the output that is there');
}
