// Imports between the rooms of the companion go in one direction only.
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from '../src/cluster/command.ts'

const SOURCE = 'packages/companion/src'

/** From top to bottom: a file may import from its own room, and from the rooms below it. */
const ROOMS = ['cli.ts', 'args.ts', 'report', 'docs', 'run', 'course', 'judge', 'cluster']

/** The room of a file, which is a path in the project; undefined for files outside of the companion's source. */
function roomOf (file: string): string | undefined {
  return file.startsWith(`${SOURCE}/`) ? file.slice(SOURCE.length + 1).split('/')[0] : undefined
}

/** The files of the project that a file imports, as paths in the project. */
function importsOf (file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const imports = text.matchAll(/^(?:import|export)\b(?:[^']* from)? '(\.[^']*)'/gm)
  return Array.from(imports, ([, path = '']) => relative(ROOT, join(ROOT, dirname(file), path)))
}

/** The imports of these files that are not allowed, as `FILE imports FILE`. */
function forbidden (files: string[], isAllowed: (from: string, to: string) => boolean): string[] {
  return files.flatMap(file => importsOf(file)
    .filter(imported => roomOf(imported) !== undefined && !isAllowed(file, imported))
    .map(imported => `${file} imports ${imported}`))
}

const level = (file: string) => ROOMS.indexOf(roomOf(file) ?? '')

test('each file is in a room', () => {
  expect(globSync(`${SOURCE}/**/*.ts`, { cwd: ROOT }).filter(file => level(file) === -1)).toEqual([])
})

test('the companion imports only from rooms further down the list', () => {
  const files = globSync(`${SOURCE}/**/*.ts`, { cwd: ROOT })
  expect(files.flatMap(importsOf).length).toBeGreaterThan(100)
  expect(forbidden(files, (from, to) => level(from) <= level(to))).toEqual([])
})

test('scripts import only from cluster/', () => {
  const files = globSync('scripts/*.{ts,mjs}', { cwd: ROOT })
  expect(files.flatMap(importsOf).filter(imported => roomOf(imported) === 'cluster')).not.toEqual([])
  expect(forbidden(files, (_, to) => roomOf(to) === 'cluster')).toEqual([])
})
