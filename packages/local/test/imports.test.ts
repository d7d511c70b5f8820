// No files of a package or a service import each other in a circle, not even for types.
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from '../../../scripts/project.ts'

const SOURCES = ['packages/*/src/**/*.ts', 'services/*/src/**/*.ts', 'services/*/public/**/*.js', 'scripts/*.ts']

/** The relative imports and re-exports of a file, also of types, as paths in the project. */
function importsOf (file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const relative = text.matchAll(/\b(?:from|import|import\()\s*'(\.[^']+)'/g)
  return Array.from(relative, ([, path = '']) => join(dirname(file), path))
}

/** The files of each circle, as `FILE → FILE → FILE`, among files with these imports. */
function circlesIn (imports: Map<string, string[]>): string[] {
  const circles: string[] = []
  const visited = new Set<string>()
  const visit = (file: string, path: string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '))
    if (visited.has(file)) return
    visited.add(file)
    for (const next of imports.get(file) ?? []) visit(next, [...path, file])
  }
  for (const file of imports.keys()) visit(file, [])
  return circles
}

test('the search finds circles', () => {
  const imports = new Map([['a', ['b', 'd']], ['b', ['c']], ['c', ['b', 'd']], ['d', []], ['e', ['e']]])
  expect(circlesIn(imports)).toEqual(['b → c → b', 'e → e'])
})

test('no files import each other in a circle, not even for types', () => {
  const imports = new Map(globSync(SOURCES, { cwd: ROOT }).sort().map(file => [file, importsOf(file)]))
  for (const folder of ['packages/companion/src', 'packages/service-kit/src', 'services/webapp/public']) {
    const files = [...imports].filter(([file]) => file.startsWith(folder))
    expect(files.flatMap(([, imported]) => imported).length, `imports in ${folder}`).toBeGreaterThan(20)
  }
  expect(circlesIn(imports)).toEqual([])
})
