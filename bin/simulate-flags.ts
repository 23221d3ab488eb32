import { InvalidArgumentError, Option, type Command } from 'commander';
import { ARCHITECTURES, type Architecture } from '../collector/simulate/host-plan.js';
import { durationFrom } from './flag-values.js';

/** What one run of `sonde simulate` is to be. These are no settings: nobody keeps them in a file. */
export interface SimulateFlags {
  readonly hosts: number;
  readonly series: number;
  readonly rate: number;
  /** Milliseconds; undefined: until a signal. */
  readonly duration?: number;
  readonly steps?: number;
  readonly seed: number;
  readonly truth?: string;
  readonly out?: string;
  readonly force?: true;
  readonly churn: number;
  readonly drainInterval: number;
  readonly firstHost: number;
  readonly architectures: readonly Architecture[];
}

export function addSimulateFlags(command: Command): Command {
  return command
    .addOption(number('--hosts <number>', 'made-up hosts', 10, 1, 100_000))
    .addOption(number('--series <number>', 'series a host, more or less', 1000, 1, 1_000_000))
    .addOption(number('--rate <number>', 'events a second, over all hosts', 1000, 0, 1e9))
    .addOption(
      new Option('--duration <duration>', 'such as 30s; left out: until it is ended').argParser(durationFrom(50)),
    )
    .addOption(
      number(
        '--steps <number>',
        'polls of each host in made-up time, instead of a duration',
        undefined,
        1,
        1e9,
      ).conflicts('duration'),
    )
    .addOption(number('--seed <number>', 'the same seed makes the same hosts and events', 1, 0, 2 ** 32 - 1))
    .option('--truth <file>', 'where the exact truth goes at the end, as JSON lines: what the bus has acknowledged')
    .option('--out <file>', 'a recording instead of Kafka')
    .option('--force', 'overwrite the recording that is there')
    .addOption(
      new Option('--churn <probability>', 'that a host starts anew, or loads a config anew, at each poll')
        .default(0)
        .argParser(probability),
    )
    .addOption(
      new Option('--drain-interval <duration>', "time between two drains of a host's buffers")
        .default(1000, '1s')
        .argParser(durationFrom(50)),
    )
    .addOption(number('--first-host <number>', 'number of the first host: processes can share a fleet', 1, 1, 1e9))
    .addOption(
      new Option('--architectures <a,b>', `each host is one of these: ${ARCHITECTURES.join(', ')} (big endian)`)
        .default(['x86_64', 'aarch64'], 'x86_64,aarch64')
        .argParser(architectures),
    );
}

function number(flags: string, help: string, value: number | undefined, min: number, max: number): Option {
  return new Option(flags, help).default(value).argParser((text) => {
    if (/^\d{1,10}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
    throw new InvalidArgumentError(`write a whole number from ${min} to ${max}`);
  });
}

function probability(text: string): number {
  if (/^\d*\.?\d+$/.test(text) && Number(text) <= 1) return Number(text);
  throw new InvalidArgumentError('write a number from 0 to 1');
}

function architectures(text: string): Architecture[] {
  return text.split(',').map((name) => {
    const found = ARCHITECTURES.find((architecture) => architecture === name.trim());
    if (found === undefined) throw new InvalidArgumentError(`there are ${ARCHITECTURES.join(', ')}`);
    return found;
  });
}
