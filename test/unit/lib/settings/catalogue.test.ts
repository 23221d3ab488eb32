import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { INPUTS, variableOf } from '../../../../lib/settings/inputs.js';
import { loadSettings } from '../../../../lib/settings/load.js';
import { COMMANDS, SETTING_NAMES, settingOf, type CommandName, type SettingName } from '../../../../lib/settings.js';

test('each setting has a name, and a variable, of its own', () => {
  const variables = new Set([...INPUTS.keys(), 'settings'].map(variableOf));
  assert.equal(variables.size, INPUTS.size + 1);
  for (const name of INPUTS.keys()) assert.match(name, /^[a-z]+([.-][a-z]+)*$/);
});

test('every default is a value that could be given, for every command', async () => {
  const flags = new Map([['kafka.brokers', 'a:1']]);
  for (const command of COMMANDS) await loadSettings(command, { flags, environment: {} });
});

test('README lists the settings as they are', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../../../../README.md'), 'utf8');
  const rows = SETTING_NAMES.map(row);
  const there = readme.split('\n').filter((line) => /^\| `[a-z][a-z.-]+` \| (all|[a-z]+)[a-z, ]* \| /.test(line));
  assert.deepEqual(there, rows, `the table should be:\n${rows.join('\n')}\n`);
});

function row(name: SettingName): string {
  const { kind, help, defaults, commands, ...setting } = settingOf(name);
  const others = Object.entries(defaults ?? {}).map(([command, value]) => `${command}: \`${value}\``);
  const own = setting.default === undefined || setting.default === '[]' ? [] : [`\`${setting.default}\``];
  const shown = kind.placeholder === undefined ? '' : [...own, ...others].join(', ');
  const secret = kind.secret === true ? `; or \`${name}-file\`` : '';
  return `| \`${name}\` | ${takers(commands)} | ${shown} | ${help}${secret} |`;
}

function takers(commands: readonly CommandName[]): string {
  const others = COMMANDS.filter((name) => !commands.includes(name));
  if (others.length > 1) return commands.join(', ');
  return others.length === 0 ? 'all' : `all but ${others[0]}`;
}
