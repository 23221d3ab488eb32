import { SETTING_NAMES, settingOf, type CommandName, type SettingName } from '../settings.js';

/** A name under which a setting is given. */
export interface Input {
  /** Such as `kafka.sasl.password` and `kafka.sasl.password-file`. */
  readonly name: string;
  readonly setting: SettingName;
  /** What is given is the file that holds the value. */
  readonly isFile: boolean;
}

/** All names: one a setting, and a second one for a secret. */
export const INPUTS: ReadonlyMap<string, Input> = new Map(
  SETTING_NAMES.flatMap((setting): Input[] => {
    const own = { name: setting, setting, isFile: false };
    return settingOf(setting).kind.secret === true ? [own, { name: `${setting}-file`, setting, isFile: true }] : [own];
  }).map((input) => [input.name, input]),
);

/** Where the settings file itself is given, in flags and environment. */
export const SETTINGS_FILE = 'settings';
export const ENVIRONMENT_PREFIX = 'SONDE_';

/** `SONDE_KAFKA_BROKERS`. */
export function variableOf(name: string): string {
  return ENVIRONMENT_PREFIX + name.toUpperCase().replace(/[.-]/g, '_');
}

/** Whether a command takes a setting; with no command: all are taken. */
export function takes(command: CommandName | undefined, setting: SettingName): boolean {
  return command === undefined || settingOf(setting).commands.includes(command);
}

/** One time that a setting is given. */
export interface Given {
  readonly input: Input;
  /** As people call the place: `--kafka.brokers`, `SONDE_KAFKA_BROKERS`, `sonde.yaml:3`. */
  readonly from: string;
  /** Text, or what a list or map of the settings file holds. */
  readonly content: { readonly text: string } | { readonly data: unknown };
  /** The place of a part of it, as problems name it. */
  readonly place: (path: readonly (string | number)[]) => string;
}
