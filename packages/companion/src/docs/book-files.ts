import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { ROOT } from '../cluster/command.ts'

/** Some files of the book, and our files that correspond to them, or the reason why there are none, or both. */
export interface Row {
  /** files of the book; a folder, with a slash at the end, means everything in it */
  book: string | string[]
  /** our files or folders */
  here?: string | string[]
  /** what differs, or why there is nothing here */
  note?: string
}

/** Which of our files corresponds to which file of the book: docs/book-files.yaml. */
export interface BookFiles {
  chapters: { title: string, intro?: string, rows: Row[] }[]
  /** our manifests and scripts that correspond to no file of the book, and what they are for */
  ours: { file: string, note: string }[]
}

/** The page that is made from the table, as a path of the project. */
export const BOOK_PAGE = 'docs/book-files.md'

/** Reads docs/book-files.yaml. */
export function bookFiles (): BookFiles {
  return parse(readFileSync(join(ROOT, 'docs/book-files.yaml'), 'utf8')) as BookFiles
}

/** The files of the book's repository: docs/book-files.txt. */
export function filesOfTheBook (): string[] {
  return readFileSync(join(ROOT, 'docs/book-files.txt'), 'utf8').trim().split('\n')
}

/** Our files that the table names, in the order of the table. */
export function counterparts ({ chapters }: BookFiles): string[] {
  return [...new Set(chapters.flatMap(({ rows }) => rows.flatMap(({ here }) => list(here))))]
}

/**
 * The mistakes in the table, with a line for each. There are none if the table has each file of the book once, and all
 * of our manifests and scripts.
 *
 * @param inTheBook all files of the book
 * @param inOurs our manifests and scripts that must be in the table
 * @param exists whether the project has such a file or folder
 */
export function mistakesIn (
  table: BookFiles, inTheBook: string[], inOurs: string[], exists: (path: string) => boolean
): string[] {
  const rows = table.chapters.flatMap(({ rows }) => rows)
  const named = rows.flatMap(({ book }) => list(book))
  const covers = (name: string) => (file: string) => name.endsWith('/') ? file.startsWith(name) : file === name
  const known = new Set([...counterparts(table), ...table.ours.map(({ file }) => file)])
  return [
    ...inTheBook.flatMap(file => {
      const times = named.filter(name => covers(name)(file)).length
      return times === 1
        ? []
        : [`${file} of the book is in the table ${times} times: name it once in docs/book-files.yaml`]
    }),
    ...named.filter(name => !inTheBook.some(covers(name)))
      .map(name => `${name}: the book has no such file (docs/book-files.txt)`),
    ...[...known].filter(path => !exists(path)).map(path => `${path}: there is no such file here`),
    ...rows.filter(({ here, note = '' }) => list(here).length === 0 && note.trim() === '')
      .map(({ book }) => `${list(book)}: it has neither a file of ours ("here") nor a reason ("note")`),
    ...inOurs.filter(file => !known.has(file)).map(file => `${file} is not in the table: name it in ` +
      'docs/book-files.yaml, as "here" of a file of the book, or under "ours" with its purpose'),
    ...table.ours.filter(({ file }) => counterparts(table).includes(file))
      .map(({ file }) => `${file} corresponds to a file of the book, so it cannot be under "ours"`)
  ]
}

/** The text of docs/book-files.md. */
export function bookPage ({ chapters, ours }: BookFiles): string {
  return `<!-- Made from book-files.yaml by npm run docs: change it there. -->
# The book's files

This page lists each file of [istioinaction/book-source-code](https://github.com/istioinaction/book-source-code), and
the file here that does the same with a current Istio. In short: \`k8s/istio/chN/\` replaces \`chN/\`,
\`k8s/services/\` replaces \`services/NAME/kubernetes/\`, and \`scripts/\` replaces \`bin/\`. The tables show which
names differ, and which files have no replacement.

Manifests here use the API version \`v1\` (EnvoyFilters: \`v1alpha3\`). They name no namespace, except the manifests for
the ingress gateway in \`istio-system\`. Istio still accepts the book's own objects, with their older API versions.

${chapters.map(chapterText).join('\n')}
## Ours

These files correspond to no file of the book.

| here | what it is for |
|---|---|
${ours.map(({ file, note }) => `| ${link(file)} | ${note} |`).join('\n')}
`
}

function chapterText ({ title, intro, rows }: BookFiles['chapters'][number]): string {
  return `## ${title}
${intro === undefined ? '' : `\n${intro}\n`}
| the book's file | here | what differs, or why there is none |
|---|---|---|
${rows.map(rowText).join('\n')}
`
}

function rowText ({ book, here, note = '' }: Row): string {
  return `| ${lines(list(book).map(file => `\`${file}\``))} | ${lines(list(here).map(link))} | ${note} |`
}

const list = (value: string | string[] | undefined) => value === undefined ? [] : [value].flat()
const lines = (items: string[]) => items.join('<br>')
const link = (file: string) => `[${file}](../${file})`
