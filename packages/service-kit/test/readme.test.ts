import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const src = join(import.meta.dirname, '../src')

test('the README lists everything that services import', () => {
  const lists = readFileSync(join(src, 'index.ts'), 'utf8').matchAll(/export (?:type )?\{([^}]*)\}/g)
  const names = Array.from(lists, ([, list = '']) => list.match(/\b(?!type\b)\w+/g) ?? []).flat()
  expect(names).toContain('createService')
  const readme = readFileSync(join(src, '../README.md'), 'utf8')
  expect(names.filter(name => !readme.includes(`\`${name}\``))).toEqual([])
})
