// All exercises pass in a real mesh.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROOT } from '../src/cluster/command.ts'
import type { Step } from '../src/course/exercise.ts'
import { course } from '../src/course/registry.ts'
import type { Summary, Unjudged } from '../src/run/reporter.ts'
import { freshNamespaces, phaseOf, summaryOf } from './exercises.ts'
import { skipReasonFor } from './mesh.ts'

const { fresh, remove } = freshNamespaces()
afterAll(remove)

/** How often the course runs, each time in a fresh namespace. A run takes ten minutes on two cores. */
const RUNS = Number(process.env['COURSE_RUNS'] ?? 2)

/** The documented JSON of a result, without its id, its verdict and what was measured. */
const documented = (steps: Step[], unjudged: Unjudged[]) => ({
  checks: steps
    .filter(step => 'expected' in step && !unjudged.some(({ id }) => id === step.id))
    .map(step => ({ id: step.id, name: 'name' in step && step.name, ...FIGURES, ok: true })),
  ...(unjudged.length > 0 && { unjudged })
})

const aNumber = expect.any(Number)
const FIGURES = { expected: aNumber, observed: aNumber, n: aNumber, low: aNumber, high: aNumber }

describe.each(Array.from({ length: RUNS }, (_, run) => run + 1))('the course in a fresh namespace, run %s', () => {
  let summary: Summary
  let namespace: string

  beforeAll(async () => {
    const start = Date.now()
    const run = await summaryOf(['--all'], [], fresh)
    summary = run.summary
    namespace = run.namespace
    const reports = join(ROOT, 'packages/companion/.reports')
    mkdirSync(reports, { recursive: true })
    // npm run docs -- FILE records these figures in the pages.
    writeFileSync(join(reports, 'course.json'), JSON.stringify(summary))
    const { passed, failed, notJudged } = summary
    const seconds = Math.round((Date.now() - start) / 1000)
    console.log(`${passed} exercises passed, ${failed} failed, ${notJudged} not judged, in ${seconds} s`)
  }, 3_600_000)

  test.for(course)('$id passes', ({ id }, { skip }) => {
    const result = summary.results.find(result => result.id === id)
    const reason = skipReasonFor(result)
    skip(reason !== undefined, reason)
    expect(result).toMatchObject({ verdict: 'pass' })
  })

  test('the JSON has the documented shape', () => {
    const results = summary.results.map(result =>
      ({ ...result, checks: result.checks.map(({ measured: _, ...check }) => check) }))
    const unjudged = summary.results.filter(result => skipReasonFor(result) !== undefined)
    expect({ ...summary, results }).toEqual({
      passed: course.length - unjudged.length,
      failed: 0,
      notRun: 0,
      notJudged: unjudged.length,
      results: course.map(({ id, steps }) => ({
        id,
        verdict: unjudged.some(result => result.id === id) ? 'unjudged' : 'pass',
        ...documented(steps, summary.results.find(result => result.id === id)?.unjudged ?? [])
      }))
    })
  })

  test('the namespace, which the run created, is deleted', async () => {
    expect(['', 'Terminating']).toContain(await phaseOf(namespace))
  })
})
