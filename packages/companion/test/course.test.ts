import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT } from '../src/cluster/command.ts'
import { choose, course, FALSE_ALARM_PER_CHECK } from '../src/course/registry.ts'
import { withoutLesson } from '../src/course/controls.ts'
import { NEEDS } from '../src/course/exercise.ts'
import { wrapped } from '../src/docs/markdown.ts'
import { pages, stateOf } from '../src/docs/pages.ts'
import { figuresOf } from '../src/docs/record.ts'
import { sampleOf } from '../src/run/steps/sample-size.ts'

const ids = (exercises: { id: string }[]) => exercises.map(({ id }) => id)

test('the course has every exercise file, by chapter and number, and the id is that of the file', () => {
  const files = globSync('packages/companion/src/course/exercises/ch*/[0-9]*-*.ts', { cwd: ROOT })
  const numbered = files.map(file => {
    const [, chapter = '', number = '', name] = /ch(\d+)\/(\d+)-(.*)\.ts$/.exec(file) ?? []
    return { chapter: Number(chapter), number: Number(number), id: `ch${chapter}.${name}` }
  })
  expect(ids(course)).toEqual(ids(numbered.sort((a, b) => a.chapter - b.chapter || a.number - b.number)))
})

test('exercises are chosen by id, by chapter and from an id on, in the order of the course', () => {
  expect(ids(choose(['ch2.retry', 'ch2.chaos']))).toEqual(['ch2.chaos', 'ch2.retry'])
  const chapter2 = course.filter(({ id }) => id.startsWith('ch2.'))
  const first = course.findIndex(({ id }) => id === 'ch2.route-v1')
  expect(choose(['ch2'])).toEqual(chapter2)
  expect(choose([], 'ch2.route-v1')).toEqual(course.slice(first))
  expect(choose(['ch2'], 'ch2.route-v1')).toEqual(chapter2.filter(exercise => course.indexOf(exercise) >= first))
  expect(choose([])).toEqual(course)
})

test('an unknown name is an error that names it', () => {
  expect(() => choose(['ch2.retry', 'ch2.rety', 'ch99'])).toThrow('There is no exercise or chapter ch2.rety, ch99.')
  expect(() => choose(['ch2.retry'], 'ch2.chaos'))
    .toThrow('--from ch2.chaos is not among the chosen exercises ch2.retry')
})

describe('a page wraps its prose', () => {
  test('at 120 columns, and never inside code or a link', () => {
    const code = `\`${'x '.repeat(70)}\``
    expect(wrapped(`${'word '.repeat(23)}and ${code} end`, '  ').split('\n'))
      .toEqual([`${'word '.repeat(23)}and`, `  ${code}`, '  end'])
  })

  test('and no line begins with a word that would begin a list', () => {
    expect(wrapped(`${'x'.repeat(119)} 1. - # end`).split('\n')).toEqual([`${'x'.repeat(119)} 1. - #`, 'end'])
  })
})

describe.each(course)('$id', exercise => {
  const { steps, needs, controls } = exercise
  const checks = steps.filter(step => 'expected' in step)

  test('its files exist', () => {
    const applied = steps.flatMap(step => step.kind === 'apply' ? [step.file] : [])
    const files = [...needs.flatMap(need => NEEDS[need].file ?? []), ...applied]
    for (const file of files) expect(existsSync(join(ROOT, 'k8s', file)), file).toBe(true)
  })

  test('it has a control: a way to run it without its lesson', () => {
    expect(controls).not.toEqual([])
  })

  test('each step has a unique id, each check has a unique name, and each load has checks', () => {
    expect(new Set(ids(steps)).size).toBe(steps.length)
    for (const id of ids(steps)) expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    expect(new Set(checks.map(({ name }) => name)).size).toBe(checks.length)
    for (const step of steps) {
      if (step.kind !== 'load') continue
      expect(sampleOf(step, exercise, FALSE_ALARM_PER_CHECK).least).toBeGreaterThanOrEqual(100)
    }
  })

  test.each(controls)('a control changes the steps, and names a check that must fail: when $when', control => {
    expect(ids(checks)).toContain(control.fails)
    const { steps: changed } = withoutLesson(exercise, control)
    const { steps: unchanged } = withoutLesson(exercise, { ...control, change: step => step })
    expect(changed).not.toEqual(unchanged)
    expect(changed.at(-1)).toEqual(steps.find(({ id }) => id === control.fails))
    expect(unchanged.filter(({ kind }) => ['apply', 'run', 'fault'].includes(kind))).toEqual(
      steps.slice(0, ids(steps).indexOf(control.fails)).filter(({ kind }) => ['apply', 'run', 'fault'].includes(kind)))
  })
})

test('the table and the pages in docs/exercises are up to date (if not: npm run docs)', () => {
  const found = globSync('docs/exercises/**/*.*', { cwd: ROOT })
  expect(found.sort()).toEqual([...pages().keys()].sort())
  for (const [file, text] of pages()) expect(readFileSync(join(ROOT, file), 'utf8'), file).toBe(text)
})

test('the state of an exercise is that of its last recorded run', () => {
  const passed = { verdict: 'pass' as const, checks: [] }
  const before = figuresOf([{ id: 'ch2.retry', ...passed }, { id: 'ch2.v2', ...passed }], '2026-01-01')
  const failed = figuresOf([{ id: 'ch2.retry', verdict: 'error', checks: [], error: 'no' }], '2026-02-02')
  const after = { ...before, ...failed }
  expect(['ch2.retry', 'ch2.v2', 'ch2.chaos'].map(id => stateOf(after[id])))
    .toEqual(['failed on 2026-02-02', 'passed on 2026-01-01', 'not recorded yet'])
})
