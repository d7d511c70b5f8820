// npm run docs: writes the pages of the exercises, and the table in the README, from the exercises themselves.
import { mkdirSync, rmSync, writeFileSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ROOT } from './command.ts'
import { pages, withTable } from './pages.ts'

rmSync(join(ROOT, 'docs/exercises'), { recursive: true, force: true })
for (const [file, text] of pages()) {
  mkdirSync(dirname(join(ROOT, file)), { recursive: true })
  writeFileSync(join(ROOT, file), text)
}
const readme = join(ROOT, 'README.md')
writeFileSync(readme, withTable(readFileSync(readme, 'utf8')))
