import tseslint from 'typescript-eslint';

/** Who may import what (DESIGN.md, "The way of the data"). Folders not named in a list may not be imported from there. */
const MAY_IMPORT = {
  native: [],
  lib: [],
  wire: ['lib'],
  collector: ['native', 'wire', 'lib'],
  aggregator: ['wire', 'lib'],
  bin: ['native', 'wire', 'lib', 'collector', 'aggregator'],
};
const FOLDERS = Object.keys(MAY_IMPORT);

const folderRules = FOLDERS.map((folder) => ({
  files: [`${folder}/**/*.ts`],
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: [...FOLDERS, 'test']
          .filter((other) => other !== folder && !MAY_IMPORT[folder].includes(other))
          .map((other) => ({
            regex: `^(\\.\\./)+${other}/`,
            message: `${folder}/ may not import ${other}/ (DESIGN.md).`,
          })),
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'native/build', 'wire/gen', '.cache', '**/*.mjs', 'eslint.config.js'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // node:test's own promises are awaited by the runner.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'suite', 'describe', 'it'], package: 'node:test' },
          ],
        },
      ],
      'no-console': 'off',
    },
  },
  ...folderRules,
);
