import type { DlqAction } from './dlq.js';
import { Argument, Command } from 'commander';
import { COMMANDS, type CommandName } from '../lib/settings.js';
import { duration, wholeNumber } from '../lib/settings/kinds.js';
import { settingsTable } from '../lib/settings/table.js';
import { describeFailure } from './fail.js';
import { addSettings, flag, settingsOf } from './flags.js';
import { addRecordFlags, type RecordFlags } from './record-flags.js';
import { addReplayFlags, type ReplayFlags } from './replay-flags.js';
import { addSimulateFlags, type SimulateFlags } from './simulate-flags.js';
import { VERSION } from './version.js';

const LEDGER_URL = 'http://localhost:9435/metrics';

/** Suggests the right flag also when the mistyped one is written with its value: `--flag=value`. */
class SondeCommand extends Command {
  override createCommand(name?: string): Command {
    return new SondeCommand(name);
  }

  /** Stands in for commander's own, which compares the whole argument with the flags there are. */
  unknownOption(argument: string): void {
    const flag = argument.split('=', 1)[0]!;
    if (this.options.some(({ long }) => long === flag)) this.error(`error: option '${flag}' takes no value`);
    const { unknownOption } = Command.prototype as unknown as { unknownOption: (flag: string) => void };
    unknownOption.call(this, flag);
  }
}

const program = new SondeCommand('sonde')
  .description('Observes Linux kernels with eBPF: metrics for Prometheus from programs in the kernel.')
  .version(VERSION)
  .showHelpAfterError('(sonde --help lists the commands, sonde COMMAND --help its flags)');

addSettings(program.command('run'), 'run')
  .description('load probes on this machine and serve their metrics')
  .action(async (_flags: unknown, command: Command) => {
    const settings = await settingsOf(command, 'run');
    // Only now: the other commands need none of it.
    const { run } = await import('./run.js');
    await run(settings);
  });

addSettings(program.command('collect'), 'collect')
  .description('load probes on this machine and send what they count to Kafka, for aggregators')
  .action(async (_flags: unknown, command: Command) => {
    const settings = await settingsOf(command, 'collect');
    const { collect } = await import('./collect.js');
    await collect(settings);
  });

addSettings(program.command('aggregate'), 'aggregate')
  .description('read the frames of a fleet from Kafka and serve their metrics; run as many as are needed')
  .action(async (_flags: unknown, command: Command) => {
    const settings = await settingsOf(command, 'aggregate');
    const { aggregate } = await import('./aggregate.js');
    await aggregate(settings);
  });

const topics = program.command('topics').description("Kafka's topics");
const createTopics = topics
  .command('create')
  .description('make the topics that are missing; what is there stays as it is')
  .option(
    '--partitions <number>',
    'of the frames; aggregators share them, and hosts belong to them for ever (default: 12)',
    flag(wholeNumber(1, 10_000)),
  )
  .option(
    '--replication <number>',
    'copies of each partition (default: 3, or as many as there are brokers)',
    flag(wholeNumber(1, 100)),
  )
  .option('--retention <duration>', 'how long frames are kept (default: 24h)', flag(duration('1m', '87600h')));
addSettings(createTopics, 'topics').action(
  async ({ partitions, replication, retention }: TopicFlags, command: Command) => {
    const settings = await settingsOf(command, 'topics');
    const { printTopics } = await import('./topics.js');
    await printTopics(settings, {
      ...(partitions !== undefined && { partitions }),
      ...(replication !== undefined && { replication }),
      ...(retention !== undefined && { retentionMs: retention }),
    });
  },
);

program
  .command('ledger')
  .description('print what came, went on, was lost and waits, hop by hop, of the hosts of running aggregators')
  .option('--url <url>', `metrics of an aggregator; may come several times (default: ${LEDGER_URL})`, gather)
  .option('--maps', 'a line for each config and map')
  .option('--instance-label <label>', 'label that names the host', 'instance')
  .addHelpText('after', '\nThe exit status is 0 when all of it adds up, else 1.')
  .action(async ({ url = [LEDGER_URL], maps, instanceLabel }: LedgerFlags) => {
    const { printLedger } = await import('./ledger.js');
    if (!(await printLedger({ urls: url, maps: maps === true, instanceLabel }))) process.exitCode = 1;
  });

addSettings(program.command('check'), 'check')
  .description('explain what each config would do on this machine: programs, sizes, series, cost')
  .option(
    '--measure <duration>',
    'how long programs are watched for their cost; 0s: not at all (default: 1s)',
    flag(duration('0s', '1h')),
  )
  .addHelpText(
    'after',
    '\nThe exit status is 0 when there is no fault; with --config.strict also every program has to attach.',
  )
  .action(async ({ measure = 1000 }: { readonly measure?: number }, command: Command) => {
    const settings = await settingsOf(command, 'check');
    const { check } = await import('./check.js');
    if (!(await check(settings, { measureMs: measure }))) process.exitCode = 1;
  });

addSettings(program.command('probes'), 'probes')
  .description('list the probes that are installed, those that are off by default included')
  .action(async (_flags: unknown, command: Command) => {
    const { values } = await settingsOf(command, 'probes');
    const { listProbes } = await import('./list-probes.js');
    await listProbes(values);
  });

program
  .command('new')
  .description('write a probe to begin with: program, YAML, Makefile, and a test')
  .argument('<name>', 'small letters, digits and dashes')
  .option('--dir <folder>', 'where (default: a folder of that name)')
  .action(async (name: string, flags: { readonly dir?: string }) => {
    const { newProbe } = await import('./new/new-probe.js');
    await newProbe(name, flags);
  });

program
  .command('schema')
  .description("print the JSON Schema of a probe's YAML, for editors")
  .action(async () => {
    const { jsonSchemaText } = await import('../wire/config/json-schema.js');
    process.stdout.write(jsonSchemaText());
  });

addSimulateFlags(addSettings(program.command('simulate'), 'simulate'))
  .description('send frames of made-up hosts, for sizing and for tests')
  .action(async (flags: SimulateFlags, command: Command) => {
    const settings = await settingsOf(command, 'simulate');
    const { simulate } = await import('./simulate.js');
    await simulate(settings, flags);
  });

addRecordFlags(addSettings(program.command('record'), 'record'))
  .description("keep frames in a file: those of a topic, or without brokers those of this machine's own probes")
  .action(async (file: string, flags: RecordFlags, command: Command) => {
    const settings = await settingsOf(command, 'record');
    const { record } = await import('./record.js');
    await record(settings, file, flags);
  });

addReplayFlags(addSettings(program.command('replay'), 'replay'))
  .description('decode recorded frames again, also under other configs, and write all samples with their times')
  .action(async (file: string | undefined, flags: ReplayFlags, command: Command) => {
    const settings = await settingsOf(command, 'replay');
    const { replay } = await import('./replay.js');
    await replay(settings, file, flags);
  });

const dlqCommand = program.command('dlq').description('points that InfluxDB has refused, kept in influx.queue.dir');
const DLQ_ACTIONS: readonly (readonly [DlqAction, string])[] = [
  ['list', 'print each letter: since when, how many points, why'],
  ['show', 'print the lines of letters'],
  ['replay', 'write letters once more; those that InfluxDB takes go'],
  ['drop', 'remove letters'],
];
for (const [action, what] of DLQ_ACTIONS) {
  const command = addSettings(dlqCommand.command(action), 'dlq').description(what);
  if (action !== 'list') command.argument('[letter...]', 'as list prints them').option('--all', 'all that there are');
  command.action(async (...given: unknown[]) => {
    const ids = action === 'list' ? [] : (given[0] as string[]);
    const all = command.opts<{ readonly all?: true }>().all === true;
    const { dlq } = await import('./dlq.js');
    if (!(await dlq(await settingsOf(command, 'dlq'), action, { ids, all }))) process.exitCode = 1;
  });
}

addSettings(program.command('settings'), undefined)
  .description('print what each setting is and where that was said, and exit')
  .addArgument(new Argument('[command]', 'only what this command takes').choices(COMMANDS))
  .action(async (name: CommandName | undefined, _flags: unknown, command: Command) => {
    const { inForce, warnings } = await settingsOf(command, name);
    for (const warning of warnings) process.stderr.write(`${warning}\n`);
    process.stdout.write(settingsTable(inForce));
  });

interface TopicFlags {
  readonly partitions?: number;
  readonly replication?: number;
  readonly retention?: number;
}

interface LedgerFlags {
  readonly url?: readonly string[];
  readonly maps?: true;
  readonly instanceLabel: string;
}

/** For a flag that may come several times. */
function gather(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

// Whoever read what is printed may have gone (`sonde run | head`): no reason to stop serving.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

// Not awaited: a script that is no module, as which this is bundled, cannot.
program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`sonde: ${describeFailure(error)}\n`);
  process.exitCode = 1;
});
