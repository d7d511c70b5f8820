// Everything that a file of the packages and services exports has a doc comment.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { ROOT } from '../../../scripts/project.ts'

const SOURCES = ['packages/*/src/**/*.ts', 'services/*/src/**/*.ts', 'services/*/public/**/*.{js,ts}']

const isExported = (statement: ts.Statement) =>
  ts.canHaveModifiers(statement) &&
  ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true

/** The names that a statement declares. */
function namesOf (statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name.getText())
  }
  return [(statement as ts.DeclarationStatement).name?.getText() ?? 'default']
}

/** Whether the last comment before a statement is a doc comment that describes it, rather than a type. */
function hasDocComment (statement: ts.Statement): boolean {
  const last = ts.getJSDocCommentsAndTags(statement).findLast(ts.isJSDoc)
  return last?.comment !== undefined && last.tags?.some(ts.isJSDocTypedefTag) !== true
}

/**
 * The names that a text exports without a doc comment. A type with the name of its schema needs none: the comment of
 * the schema is enough.
 */
function undocumentedIn (text: string): string[] {
  const { statements } = ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest, true)
  const exported = statements.filter(isExported)
  const documented = new Set(exported.filter(hasDocComment).flatMap(namesOf))
  return [...new Set(exported.flatMap(namesOf))].filter(name => !documented.has(name))
}

test('the search finds exports without a doc comment, and counts a schema and its type as one', () => {
  expect(undocumentedIn(`
    /** A documented class. */
    export class Documented {}
    export class Bare {}
    export const first = 1
    /** A schema. */
    export const User = {}
    export type User = string
    // a comment, but not a doc comment
    export async function act () {}
    class Private {}
    /** A rule. @typedef {{ type: string }} Rule */
    export const second = 2
    /** @throws {Error} always */
    export function fail () {}
  `)).toEqual(['Bare', 'first', 'act', 'second', 'fail'])
})

test('all exports have a doc comment', () => {
  const files = globSync(SOURCES, { cwd: ROOT }).sort()
  expect(files).toContain('packages/service-kit/src/service.ts')
  const found = files.flatMap(file =>
    undocumentedIn(readFileSync(join(ROOT, file), 'utf8')).map(name => `${file}: ${name}`))
  expect(found).toEqual([])
})
