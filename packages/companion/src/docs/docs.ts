// npm run docs: writes the pages of the exercises, from the exercises, and the page of the book's files, from
// docs/book-files.yaml. `npm run docs -- FILE` also records the results of a run for the pages: FILE is the output of
// `npm run exercise -- --all --json`.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ROOT } from '../cluster/command.ts'
import { BOOK_PAGE, bookFiles, bookPage } from './book-files.ts'
import { pages } from './pages.ts'
import { record } from './record.ts'

const [results] = process.argv.slice(2)
if (results !== undefined) record(results)

rmSync(join(ROOT, 'docs/exercises'), { recursive: true, force: true })
for (const [file, text] of [...pages(), [BOOK_PAGE, bookPage(bookFiles())] as const]) {
  mkdirSync(dirname(join(ROOT, file)), { recursive: true })
  writeFileSync(join(ROOT, file), text)
}
