#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { describeFailure } from './fail.js';
import { VERSION } from './version.js';

/** The probes that come with Sonde, as `npm run build:bpf` puts them. */
const OWN_PROBES = fileURLToPath(new URL('../bpf', import.meta.url));

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

program
  .command('run')
  .description('load probes on this machine and serve their metrics')
  .addOption(
    new Option('--config.dir <dir>', 'folder with NAME.yaml beside NAME.bpf.o').default(
      OWN_PROBES,
      "Sonde's own probes",
    ),
  )
  .option('--config.names <a,b>', 'configs to load (default: all but those that say defaults: off)')
  .option('--config.check', 'load, attach, say what came of it, and exit')
  .option('--config.strict', 'exit with status 1 when a program cannot be attached')
  .option('--web.listen-address <address>', 'where to serve, as [HOST]:PORT', ':9435')
  .option('--web.telemetry-path <path>', 'path of the metrics', '/metrics')
  .addOption(
    new Option('--poll-interval <seconds>', 'time between reads of the maps; each scrape reads them anyway')
      .default(10)
      .argParser(seconds),
  )
  .option('--debug', 'log more, such as the variants of a probe that were not used')
  .option('--log.no-timestamps', 'log without timestamps')
  .action(async (flags: RunFlags) => {
    // Only now: the other commands need none of it.
    const { run } = await import('./run.js');
    await run({
      configDir: flags['config.dir'],
      configNames: flags['config.names']?.split(',').map((name) => name.trim()),
      check: flags['config.check'] === true,
      strict: flags['config.strict'] === true,
      listenAddress: flags['web.listenAddress'],
      telemetryPath: flags['web.telemetryPath'],
      pollIntervalMs: flags.pollInterval * 1000,
      debug: flags.debug === true,
      timestamps: flags['log.noTimestamps'] !== true,
    });
  });

/** commander's names for the flags: dots stay, what follows a dash is capitalised. */
interface RunFlags {
  'config.dir': string;
  'config.names'?: string;
  'config.check'?: true;
  'config.strict'?: true;
  'web.listenAddress': string;
  'web.telemetryPath': string;
  pollInterval: number;
  debug?: true;
  'log.noTimestamps'?: true;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0.1 && value <= 3600)) throw new InvalidArgumentError('write seconds, from 0.1 to 3600');
  return value;
}

// Whoever read what is printed may have gone (`sonde run | head`): no reason to stop serving.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`sonde: ${describeFailure(error)}\n`);
  process.exitCode = 1;
}
