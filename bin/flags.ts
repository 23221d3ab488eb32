import { InvalidArgumentError, Option, type Command } from 'commander';
import { INPUTS, SETTINGS_FILE, takes, type Input } from '../lib/settings/inputs.js';
import type { Kind } from '../lib/settings/kinds.js';
import { loadSettings, type Settings } from '../lib/settings/load.js';
import { settingOf, type CommandName } from '../lib/settings.js';
import { explainIssue } from '../lib/yaml/issues.js';
import { UsageError } from './fail.js';

/** Gives a command a flag for each setting that it takes; with no name: for each that there is. */
export function addSettings(command: Command, name: CommandName | undefined): Command {
  command.option(`--${SETTINGS_FILE} <file>`, 'YAML file of settings (also: SONDE_SETTINGS)');
  for (const input of INPUTS.values()) if (takes(name, input.setting)) command.addOption(optionOf(input, name));
  return command;
}

/** What is in force for a command that was given these flags. Throws a SettingsError with everything that is wrong. */
export function settingsOf(command: Command, name: CommandName | undefined): Promise<Settings> {
  const values = command.opts<Record<string, string | true>>();
  const flags = new Map<string, string>();
  for (const option of command.options) {
    const value = values[option.attributeName()];
    const flag = option.long!.slice('--'.length);
    const input = INPUTS.get(flag);
    if (value === undefined || (input === undefined && flag !== SETTINGS_FILE)) continue;
    if (input !== undefined && !takes(name, input.setting))
      throw new UsageError(`--${flag} is no flag of sonde ${name}`);
    flags.set(flag, value === true ? 'true' : value);
  }
  return loadSettings(name, { flags, environment: process.env });
}

/** Reads a flag that is no setting, but of one of their kinds. */
export function flag<T>(kind: Kind<T>): (text: string) => T {
  return (text) => {
    const result = kind.schema.safeParse(kind.fromText(text), { reportInput: true });
    if (result.success) return result.data;
    const { message, hint } = explainIssue(result.error.issues[0]!, kind.schema)[0]!;
    throw new InvalidArgumentError(`${message}; ${hint}`);
  };
}

function optionOf(input: Input, command: CommandName | undefined): Option {
  const { kind, help, defaults, ...setting } = settingOf(input.setting);
  if (input.isFile) return new Option(`--${input.name} <file>`, `file that holds ${input.setting}`);
  const value = (command && defaults?.[command]) ?? setting.default;
  const said =
    value === undefined || value === '[]' || kind.placeholder === undefined ? help : `${help} (default: ${value})`;
  const warned = kind.secret === true ? `${said}; a flag shows in the list of processes, so better the file` : said;
  const option = new Option(`--${input.name}${kind.placeholder === undefined ? '' : ` ${kind.placeholder}`}`, warned);
  if (kind.repeatable === true)
    option.argParser((text, before: string | undefined) => (before === undefined ? text : `${before},${text}`));
  return option;
}
