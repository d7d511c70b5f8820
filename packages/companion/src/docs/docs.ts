// npm run docs: writes the pages of the exercises, and the table in the README, from the exercises themselves, and the
// page of the book's files from docs/book-files.yaml. With the file that `npm run exercise -- --all --json`
// has written, `npm run docs -- FILE`, what came out there is the figure of each check from then on.
import { mkdirSync, rmSync, writeFileSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BOOK_PAGE, bookFiles, bookPage } from './book-files.ts'
import { ROOT } from '../cluster/command.ts'
import { record } from './record.ts'
import { pages, withTable } from './pages.ts'

const [results] = process.argv.slice(2)
if (results !== undefined) record(results)

rmSync(join(ROOT, 'docs/exercises'), { recursive: true, force: true })
for (const [file, text] of pages()) {
  mkdirSync(dirname(join(ROOT, file)), { recursive: true })
  writeFileSync(join(ROOT, file), text)
}
const readme = join(ROOT, 'README.md')
writeFileSync(readme, withTable(readFileSync(readme, 'utf8')))
writeFileSync(join(ROOT, BOOK_PAGE), bookPage(bookFiles()))
