import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const src = join(import.meta.dirname, '../src')

function importsOf (file: string): string[] {
  const relative = readFileSync(join(src, file), 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)
  return Array.from(relative, ([, path = '']) => join(dirname(file), path))
}

/** The files of a circle that can be reached from `file`, if there is one. */
function circleFrom (file: string, visited: Set<string>, path: string[] = []): string[] | undefined {
  if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
  if (visited.has(file)) return undefined
  visited.add(file)
  return importsOf(file).map(next => circleFrom(next, visited, [...path, file])).find(circle => circle !== undefined)
}

test('no files import each other in a circle, not even for types', () => {
  const visited = new Set<string>()
  const files = globSync('**/*.ts', { cwd: src })
  expect(files).toContain('service.ts')
  expect(files.map(file => circleFrom(file, visited)).filter(circle => circle !== undefined)).toEqual([])
})

test('the README lists everything that services import', () => {
  const lists = readFileSync(join(src, 'index.ts'), 'utf8').matchAll(/export (?:type )?\{([^}]*)\}/g)
  const names = Array.from(lists, ([, list = '']) => list.match(/\b(?!type\b)\w+/g) ?? []).flat()
  expect(names).toContain('createService')
  const readme = readFileSync(join(src, '../README.md'), 'utf8')
  expect(names.filter(name => !readme.includes(`\`${name}\``))).toEqual([])
})
