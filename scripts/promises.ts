// node scripts/promises.ts: checks that docs/security.md names tests that exist. Each row of the table below the
// heading `Promises` has a promise, and one or more tests that check it: `[FILE](../PATH): "TITLE"`.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './project.ts'

const PAGE = 'docs/security.md'

const [, section = ''] = /^## Promises$([^]*?)(?=^## |$(?![^]))/m.exec(readFileSync(join(ROOT, PAGE), 'utf8')) ?? []
const [, ...rows] = Array.from(section.matchAll(/^\| (.*?) \| (.*) \|$/gm), ([, promise = '', tests = '']) =>
  ({ promise, tests }))
const problems = rows.flatMap(({ promise, tests }) => {
  const named = Array.from(tests.matchAll(/\]\(\.\.\/([^)]+)\): "([^"]+)"/g), ([, file = '', title = '']) =>
    ({ file, title }))
  if (named.length === 0) return [`${PAGE} names no test for this promise: ${promise}`]
  return named.filter(({ file, title }) => !hasTest(file, title)).map(({ file, title }) =>
    `${PAGE} names a test that does not exist: "${title}" in ${file}. Correct its title or its file.`)
})
if (rows.length === 0) problems.push(`${PAGE} has no table of promises below the heading "Promises"`)

for (const problem of problems) console.error(problem)
console.log(`${rows.length} promises of ${PAGE}, ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1

/** Whether a file has a test with this title. If the test runs with several values, the title has placeholders. */
function hasTest (file: string, title: string): boolean {
  if (!existsSync(join(ROOT, file))) return false
  const source = readFileSync(join(ROOT, file), 'utf8').replaceAll("\\'", "'")
  return source.includes(`('${title}', `) || source.includes(`("${title}", `)
}
