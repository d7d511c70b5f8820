// npm run licenses: writes docs/licenses.md, which lists the packages that run in production.
// node scripts/licenses.ts --check: checks that each license is allowed, and that the list is up to date.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  ALLOWED_LICENSES, isAllowedLicense, productionPackages, WORKSPACES, WORKSPACES_OF_IMAGES
} from './production.ts'
import { ROOT } from './project.ts'

const FILE = 'docs/licenses.md'

const { values: { check = false } } = parseArgs({ options: { check: { type: 'boolean' } } })
const packages = productionPackages(WORKSPACES)
const inImages = new Set(productionPackages(WORKSPACES_OF_IMAGES).map(({ name }) => name))

const problems = packages.filter(({ license }) => !isAllowedLicense(license)).map(({ name, version, license }) =>
  `${name}@${version} has ${license === undefined ? 'no license' : `the license ${license}`}, ` +
  `but only these are allowed: ${ALLOWED_LICENSES.join(', ')}. Use another package. ` +
  'Or, if the license asks for no more than these do, add it to scripts/production.ts.')
if (!check) writeFileSync(join(ROOT, FILE), list())
else if (readFileSync(join(ROOT, FILE), 'utf8') !== list()) {
  problems.push(`${FILE} is out of date. Run npm run licenses`)
}

for (const problem of problems) console.error(problem)
console.log(`${packages.length} packages in production, ${problems.length} problems with licenses`)
process.exitCode = problems.length === 0 ? 0 : 1

/** The text of docs/licenses.md. It has no versions, so that the update of a package rarely changes it. */
function list (): string {
  const names = [...new Set(packages.map(({ name }) => name))]
  const rows = names.map(name => {
    const licenses = packages.filter(found => found.name === name).map(({ license = 'none' }) => license)
    return `| ${name} | ${[...new Set(licenses)].join(', ')} | ${inImages.has(name) ? 'yes' : 'no'} |`
  })
  return `# Licenses

The project needs these packages of others at run time. Those that are not in the images belong to the exercises and
the benchmarks. The project itself has the license [Apache-2.0](../LICENSE).

\`npm run licenses\` writes this page from \`package-lock.json\`. \`npm test\` checks that the page is up to date, and
that each license is on the list of allowed licenses in \`scripts/production.ts\`.

| package | license | in the images |
|---|---|---|
${rows.join('\n')}
`
}
