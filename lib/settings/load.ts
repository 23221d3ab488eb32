import { readTextFile } from '../read-text-file.js';
import { SETTING_NAMES, settingOf, type CommandName, type SettingName, type SettingValues } from '../settings.js';
import { explainIssue } from '../yaml/issues.js';
import { fromEnvironment } from './environment.js';
import { readSettingsFile } from './file.js';
import { INPUTS, SETTINGS_FILE, takes, variableOf, type Given } from './inputs.js';
import { HIDDEN } from './kinds.js';
import { problemLine, SettingsError, subPath } from './problem.js';
import { checkRules } from './rules.js';

/** Bytes of a file that holds one secret. */
const MAX_SECRET_BYTES = 64 * 1024;

export interface SettingSources {
  /** By name without the dashes; flags without a value have the text `true`. */
  readonly flags: ReadonlyMap<string, string>;
  readonly environment: NodeJS.ProcessEnv;
}

/** A setting as people see it. */
export interface SettingInForce {
  readonly name: SettingName;
  /** As it was written, secrets hidden; undefined: not set. */
  readonly shown: string | undefined;
  /** `--kafka.brokers`, `SONDE_KAFKA_BROKERS`, `sonde.yaml:3`, `default`, or '' when it is not set. */
  readonly from: string;
}

export interface Settings {
  readonly values: SettingValues;
  /** Those that the command takes. */
  readonly inForce: readonly SettingInForce[];
  /** For the log: what looks like a setting and is none. */
  readonly warnings: readonly string[];
}

/**
 * What is in force for a command: flags, else the environment, else the settings file, else the default. All sources are
 * checked whole, also what another command would take; secrets are read from files only for the command that takes them.
 * @param command undefined: all settings, and none is required.
 * @throws {SettingsError} with everything that is wrong.
 */
export async function loadSettings(command: CommandName | undefined, sources: SettingSources): Promise<Settings> {
  const environment = fromEnvironment(sources.environment);
  const path = sources.flags.get(SETTINGS_FILE) ?? (sources.environment[variableOf(SETTINGS_FILE)] || undefined);
  const file = path === undefined ? { given: [], problems: [] } : await readSettingsFile(path);

  const loading = new Loading(command);
  // The weakest first: what comes later takes its place.
  const defaults = SETTING_NAMES.flatMap((name) => defaultOf(name, command));
  for (const source of [defaults, file.given, environment.given, fromFlags(sources.flags)]) await loading.take(source);
  loading.check();
  const problems = [...file.problems, ...loading.problems];
  if (problems.length > 0) throw new SettingsError(problems);
  return { ...loading.result(), warnings: environment.unknown };
}

function fromFlags(flags: ReadonlyMap<string, string>): Given[] {
  return [...flags]
    .filter(([name]) => name !== SETTINGS_FILE)
    .map(([name, text]) => ({
      input: INPUTS.get(name)!,
      from: `--${name}`,
      content: { text },
      place: (path) => `--${name}${subPath(path)}`,
    }));
}

function defaultOf(name: SettingName, command: CommandName | undefined): Given[] {
  const setting = settingOf(name);
  const text = (command && setting.defaults?.[command]) ?? setting.default;
  if (text === undefined) return [];
  return [{ input: INPUTS.get(name)!, from: 'default', content: { text }, place: () => name }];
}

class Loading {
  readonly problems: string[] = [];
  readonly #command: CommandName | undefined;
  readonly #values = new Map<SettingName, unknown>();
  readonly #givens = new Map<SettingName, Given>();

  constructor(command: CommandName | undefined) {
    this.#command = command;
  }

  /** All that one source gives. */
  async take(source: readonly Given[]): Promise<void> {
    const seen = new Map<SettingName, Given>();
    for (const given of source) {
      const { setting } = given.input;
      const other = seen.get(setting);
      if (other !== undefined) this.#report(given.place([]), `is given beside ${other.from}`, 'remove one');
      seen.set(setting, given);
      this.#givens.set(setting, given);
      this.#values.set(setting, await this.#read(given));
    }
  }

  /** What is missing, and what contradicts itself; the latter only once all values are good. */
  check(): void {
    for (const name of SETTING_NAMES) {
      if (this.#command === undefined || this.#givens.has(name)) continue;
      if (settingOf(name).required?.includes(this.#command) === true)
        this.problems.push(`--${name} is missing: give it, or ${variableOf(name)}, or ${name} in a --settings file`);
    }
    if (this.problems.length > 0) return;
    checkRules(this.#settingValues(), this.#command, (name, message, hint) =>
      this.#report(this.#givens.get(name)?.place([]) ?? name, message, hint),
    );
  }

  result(): Pick<Settings, 'values' | 'inForce'> {
    const inForce = SETTING_NAMES.filter((name) => takes(this.#command, name)).map((name) => {
      const given = this.#givens.get(name);
      return { name, shown: given && shown(given), from: given === undefined ? '' : fromOf(given) };
    });
    return { values: this.#settingValues(), inForce };
  }

  #settingValues(): SettingValues {
    return Object.fromEntries(SETTING_NAMES.map((name) => [name, this.#values.get(name)])) as unknown as SettingValues;
  }

  async #read(given: Given): Promise<unknown> {
    const { setting, isFile } = given.input;
    const { kind } = settingOf(setting);
    let data: unknown;
    if (isFile) {
      if (!takes(this.#command, setting)) return undefined;
      data = await this.#secret(given);
      if (data === undefined) return undefined;
    } else if ('text' in given.content) {
      try {
        data = kind.fromText(given.content.text);
      } catch (error) {
        this.#report(given.place([]), (error as Error).message);
        return undefined;
      }
    } else {
      ({ data } = given.content);
    }
    const result = kind.schema.safeParse(data, { reportInput: true });
    if (result.success) return result.data;
    for (const issue of result.error.issues) {
      for (const { path, message, hint } of explainIssue(issue, kind.schema))
        this.#report(given.place(path), message, hint);
    }
    return undefined;
  }

  /** What a secret's file holds, without the newline that editors put at its end. */
  async #secret(given: Given): Promise<string | undefined> {
    const file = fileOf(given);
    const text = await readTextFile(file, MAX_SECRET_BYTES);
    if (typeof text === 'string') return text.replace(/\r?\n$/, '');
    this.#report(`${given.place([])}: ${file}`, text.message, text.hint);
    return undefined;
  }

  #report(place: string, message: string, hint?: string): void {
    this.problems.push(problemLine(place, message, hint));
  }
}

function shown({ input, content }: Given): string {
  const { kind } = settingOf(input.setting);
  if (input.isFile) return HIDDEN;
  const text = 'text' in content ? content.text : written(content.data);
  return kind.conceal === undefined ? text : kind.conceal(text);
}

function written(data: unknown): string {
  if (Array.isArray(data) && data.every((item) => typeof item === 'string')) return data.join(',');
  return JSON.stringify(data);
}

function fromOf(given: Given): string {
  return given.input.isFile ? `${given.from} (${fileOf(given)})` : given.from;
}

function fileOf({ content }: Given): string {
  return 'text' in content ? content.text : '';
}
