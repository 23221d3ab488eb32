import { suggest } from '../suggest.js';
import { settingOf } from '../settings.js';
import { ENVIRONMENT_PREFIX, INPUTS, SETTINGS_FILE, variableOf, type Given, type Input } from './inputs.js';
import { subPath } from './problem.js';

const BY_VARIABLE: ReadonlyMap<string, Input> = new Map(
  [...INPUTS.values()].map((input) => [variableOf(input.name), input]),
);
const FILE_VARIABLE = variableOf(SETTINGS_FILE);
/** Kubernetes puts these into every container of a namespace that has a service called sonde; and what only tests read. */
const OTHERS =
  /^SONDE_([A-Z0-9_]*_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)$|^SONDE_(UPDATE_GOLDENS|FUZZ_ROUNDS)$/;

/** The settings among a process's variables, and those that look like one and are none. */
export function fromEnvironment(variables: NodeJS.ProcessEnv): { given: Given[]; unknown: string[] } {
  const given: Given[] = [];
  const unknown: string[] = [];
  for (const [variable, text] of Object.entries(variables)) {
    if (!variable.startsWith(ENVIRONMENT_PREFIX) || text === undefined || variable === FILE_VARIABLE) continue;
    const input = BY_VARIABLE.get(variable);
    if (input !== undefined) {
      // Who cannot leave a variable out, as in a compose file, leaves it empty.
      if (text === '' && settingOf(input.setting).kind.mayBeEmpty !== true) continue;
      given.push({ input, from: variable, content: { text }, place: (path) => variable + subPath(path) });
    } else if (!OTHERS.test(variable)) {
      const nearest = suggest(variable, [...BY_VARIABLE.keys(), FILE_VARIABLE]);
      const hint = nearest === undefined ? 'sonde settings lists them' : `did you mean ${nearest}?`;
      unknown.push(`the variable ${variable.slice(0, 100)} is no setting and has no effect; ${hint}`);
    }
  }
  return { given, unknown };
}
