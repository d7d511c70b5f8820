// node scripts/lines.ts [FILE…]: checks that no line is longer than 120 columns, in Markdown, YAML, shell, CSS, HTML
// and HCL files, and in the Dockerfile. ESLint checks TypeScript and JavaScript (@stylistic/max-len).
import { globSync, readFileSync } from 'node:fs'
import { ROOT } from './project.ts'

const COLUMNS = 120
const PATTERNS = ['**/*.{md,yml,yaml,sh,css,html,hcl}', '.ci/*', '.github/**/*.yml', 'Dockerfile']
const SKIPPED = ['node_modules', '.git', '.turbo', '.reports', '.node']

/** A list item, a heading, a comment or a YAML key, and then one word that cannot be broken. */
const ONE_WORD = /^\s*(?:(?:[-*>#]+|\d+\.)\s+)*(?:[\w.@"-]+:\s+)?\S+$/

process.chdir(ROOT)
const given = process.argv.slice(2)
const isSkipped = (path: string) => SKIPPED.some(name => hasPart(path, name))
const files = given.length > 0 ? given : globSync(PATTERNS, { exclude: isSkipped })

let count = 0
for (const file of [...new Set(files)].sort()) {
  for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    const length = [...line].length
    if (length <= COLUMNS || isExempt(file, line)) continue
    count++
    console.error(`${file}:${index + 1}: the line has ${length} columns; break it so that it has at most ${COLUMNS}`)
  }
}
console.log(`${files.length} files, ${count} lines that are too long`)
process.exitCode = count === 0 ? 0 : 1

/** Whether one of the parts of a path is this name. */
function hasPart (path: string, name: string): boolean {
  return path.split('/').includes(name)
}

/** Lines with a URL and single words cannot be broken, nor can Markdown's tables, code to copy, and code spans. */
function isExempt (file: string, line: string): boolean {
  if (/https?:\/\//.test(line) || ONE_WORD.test(line)) return true
  return file.endsWith('.md') && (/^(?: {4}|\s*\|)/.test(line) || ONE_WORD.test(line.replaceAll(/`[^`]*`/g, 'code')))
}
