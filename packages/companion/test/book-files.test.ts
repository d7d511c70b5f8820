import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BOOK_PAGE, bookFiles, bookPage, mistakesIn, filesOfTheBook, counterparts } from '../src/docs/book-files.ts'
import { ROOT } from '../src/cluster/command.ts'

const table = bookFiles()
const exists = (path: string) => existsSync(join(ROOT, path))
const ours = globSync(['k8s/istio/**/*.yaml', 'scripts/*.sh'], { cwd: ROOT })

test('the table has each file of the book once, and all of our manifests by chapter and shell scripts', () => {
  expect(filesOfTheBook().length).toBeGreaterThan(300)
  expect(ours.length).toBeGreaterThan(90)
  expect(mistakesIn(table, filesOfTheBook(), ours, exists)).toEqual([])
})

test.each([
  ['ch1/new.yaml of the book is in the table 0 times', [...filesOfTheBook(), 'ch1/new.yaml'], ours],
  ['ch4/echo.yaml: the book has no such file', filesOfTheBook().filter(file => file !== 'ch4/echo.yaml'), ours],
  ['ch4/certs2/: the book has no such file', filesOfTheBook().filter(file => !file.startsWith('ch4/certs2/')), ours],
  ['k8s/istio/ch4/new.yaml is not in the table', filesOfTheBook(), [...ours, 'k8s/istio/ch4/new.yaml']]
])('reports a difference: %s', (fault, inTheBook, inOurs) => {
  expect(mistakesIn(table, inTheBook, inOurs, exists)).toEqual([expect.stringContaining(fault)])
})

test('reports a file that is named twice, a file of ours that does not exist, and a row without a reason', () => {
  const rows = [
    { book: ['a.yaml', 'folder/'], here: 'k8s/a.yaml' },
    { book: 'folder/b.yaml', note: ' ' },
    { book: 'c.yaml', here: 'k8s/gone.yaml' }
  ]
  const own = { file: 'k8s/a.yaml', note: 'ours, it says' }
  const faulty = { chapters: [{ title: 'Chapter', rows }], ours: [own] }
  expect(mistakesIn(faulty, ['a.yaml', 'folder/b.yaml', 'c.yaml'], [], path => path !== 'k8s/gone.yaml')).toEqual([
    'folder/b.yaml of the book is in the table 2 times: name it once in docs/book-files.yaml',
    'k8s/gone.yaml: there is no such file here',
    'folder/b.yaml: it has neither a file of ours ("here") nor a reason ("note")',
    'k8s/a.yaml corresponds to a file of the book, so it cannot be under "ours"'
  ])
})

test('a file of ours with the book\'s path corresponds to that file', () => {
  for (const file of filesOfTheBook()) {
    if (!exists(`k8s/istio/${file}`)) continue
    const row = table.chapters.flatMap(({ rows }) => rows).find(({ book }) => [book].flat().includes(file))
    expect([row?.here].flat(), file).toContain(`k8s/istio/${file}`)
  }
})

test('docs/book-files.md is up to date (if not: npm run docs)', () => {
  const page = bookPage(table)
  expect(readFileSync(join(ROOT, BOOK_PAGE), 'utf8')).toBe(page)
  for (const file of counterparts(table)) expect(page).toContain(`](../${file})`)
})

test('the README links to docs/book-files.md', () => {
  expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toContain(`](${BOOK_PAGE})`)
})
