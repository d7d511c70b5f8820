import neostandard from 'neostandard'

export default [
  ...neostandard({
    ts: true,
    ignores: ['**/node_modules', '**/.turbo', '**/.reports']
  }),
  // A TypeBox schema and the type that it stands for share their name; TypeScript itself refuses real redeclarations.
  { rules: { 'no-redeclare': 'off', '@typescript-eslint/no-redeclare': 'off' } },
  // scripts/lines.ts checks the other text files.
  { rules: { '@stylistic/max-len': ['error', { code: 120, ignoreUrls: true }] } },
  // Browsers' names; TypeScript checks these files, and knows them.
  { files: ['**/public/**/*.js'], rules: { 'no-undef': 'off' } }
]
