import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT } from '../src/cluster/command.ts'
import { choose, course, FALSE_ALARM_PER_CHECK } from '../src/course/registry.ts'
import { withoutLesson } from '../src/course/controls.ts'
import { NEEDS } from '../src/course/exercise.ts'
import { pages, stateOf } from '../src/docs/pages.ts'
import { figuresOf } from '../src/docs/record.ts'
import { requestsOf } from '../src/run/steps/sample-size.ts'

const ids = (exercises: { id: string }[]) => exercises.map(({ id }) => id)

test('chapter 2 in the order of the book', () => {
  expect(ids(choose(['ch2']))).toEqual(['ch2.deploy', 'ch2.gateway', 'ch2.observe', 'ch2.chaos', 'ch2.retry', 'ch2.v2', 'ch2.route-v1', 'ch2.dark-launch'])
})

test('chosen by id, by chapter, from one on, in the order of the course', () => {
  expect(ids(choose(['ch2.retry', 'ch2.chaos']))).toEqual(['ch2.chaos', 'ch2.retry'])
  expect(ids(choose([], 'ch2.route-v1')).slice(0, 2)).toEqual(['ch2.route-v1', 'ch2.dark-launch'])
  expect(ids(choose(['ch2'], 'ch2.route-v1'))).toEqual(['ch2.route-v1', 'ch2.dark-launch'])
  expect(choose([])).toEqual(course)
})

test('what there is not is named', () => {
  expect(() => choose(['ch2.retry', 'ch2.rety', 'ch99'])).toThrow('there is no exercise or chapter ch2.rety, ch99')
  expect(() => choose(['ch2.retry'], 'ch2.chaos')).toThrow('ch2.chaos is not among ch2.retry')
})

describe.each(course)('$id', exercise => {
  const { steps, needs, controls } = exercise
  const checks = steps.filter(step => 'expected' in step)

  test('its files are there', () => {
    const files = [...needs.flatMap(need => NEEDS[need].file ?? []), ...steps.flatMap(step => step.kind === 'apply' ? [step.file] : [])]
    for (const file of files) expect(existsSync(join(ROOT, 'k8s', file)), file).toBe(true)
  })

  test('it can fail', () => {
    expect(controls).not.toEqual([])
  })

  test('each of its steps has an id of its own, each check a name, and every load is judged', () => {
    expect(new Set(ids(steps)).size).toBe(steps.length)
    for (const id of ids(steps)) expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    expect(new Set(checks.map(({ name }) => name)).size).toBe(checks.length)
    for (const step of steps) if (step.kind === 'load') expect(requestsOf(step, exercise, FALSE_ALARM_PER_CHECK)).toBeGreaterThanOrEqual(100)
  })

  test.each(controls)('its control takes something of the lesson away, and names the check that is to fail: when $when', control => {
    expect(ids(checks)).toContain(control.fails)
    expect(withoutLesson(exercise, control).steps).not.toEqual(steps)
    expect(withoutLesson(exercise, control).steps.filter(step => 'expected' in step)).toEqual(checks)
  })
})

test('the pages in docs/exercises are made from the exercises: npm run docs', () => {
  const found = readdirSync(join(ROOT, 'docs/exercises'), { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(({ parentPath, name }) => relative(ROOT, join(parentPath, name)))
  expect(found.sort()).toEqual([...pages().keys()].sort())
  for (const [file, text] of pages()) expect(readFileSync(join(ROOT, file), 'utf8'), file).toBe(text)
})

test('one that failed in the newest run does not go on to have passed', () => {
  const before = figuresOf([{ id: 'ch2.retry', verdict: 'pass', checks: [] }, { id: 'ch2.v2', verdict: 'pass', checks: [] }], '2026-01-01')
  const after = { ...before, ...figuresOf([{ id: 'ch2.retry', verdict: 'error', checks: [], error: 'no' }], '2026-02-02') }
  expect(['ch2.retry', 'ch2.v2', 'ch2.chaos'].map(id => stateOf(after[id]))).toEqual(['failed on 2026-02-02', 'passed on 2026-01-01', 'not recorded yet'])
})
