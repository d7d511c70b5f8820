import neostandard from 'neostandard'

export default [
  ...neostandard({
    ts: true,
    ignores: ['**/node_modules', '**/.turbo', '**/.reports']
  }),
  // A TypeBox schema and the type that it stands for share their name; TypeScript itself refuses real redeclarations.
  { rules: { 'no-redeclare': 'off', '@typescript-eslint/no-redeclare': 'off' } }
]
