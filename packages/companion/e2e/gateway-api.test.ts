// The exercises about routing pass with the Kubernetes Gateway API too.
import { globSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { requireGatewayApi } from '../src/cluster/preflight.ts'
import { withoutLesson } from '../src/course/controls.ts'
import { NEEDS } from '../src/course/exercise.ts'
import { choose, course, FALSE_ALARM_PER_CHECK } from '../src/course/registry.ts'
import { fileFor, hasTwin } from '../src/course/twins.ts'
import { silent, type Summary } from '../src/run/reporter.ts'
import { runExercises } from '../src/run/run.ts'
import { checkOf, freshNamespaces, reasonNotJudged, summaryOf } from './exercises.ts'
import { k8s, skipReasonFor } from './mesh.ts'

const twins = course.filter(hasTwin)
const { fresh, remove } = freshNamespaces()
let summary: Summary

beforeAll(async () => {
  await requireGatewayApi(new Kubectl('default'))
  const ids = twins.map(({ id }) => id)
  summary = (await summaryOf(ids, ['--api', 'gateway'], fresh)).summary
}, 1_800_000)
afterAll(remove)

test('an exercise uses each file under k8s/gateway-api', () => {
  const files = twins.flatMap(({ needs, steps }) => [
    ...needs.flatMap(need => NEEDS[need].file ?? []),
    ...steps.flatMap(step => step.kind === 'apply' ? [step.file] : [])
  ])
  const used = new Set(files.map(file => fileFor(file, 'gateway')))
  const existing = globSync('gateway-api/**/*.yaml', { cwd: k8s('') })
  expect(existing).not.toEqual([])
  expect(existing.filter(file => !used.has(file))).toEqual([])
})

test.for(twins)('$id passes', ({ id }, { skip }) => {
  const result = summary.results.find(result => result.id === id)
  const reason = skipReasonFor(result)
  skip(reason !== undefined, reason)
  expect(result).toMatchObject({ verdict: 'pass' })
})

describe('an exercise fails if a part of its lesson is missing', () => {
  const controls = choose(['ch2.dark-launch', 'ch4.gateway-host', 'ch5.canary'])
    .flatMap(exercise => exercise.controls.map(control => ({ exercise, control })))
  let results: Summary['results']

  beforeAll(async () => {
    const exercises = controls.map(({ exercise, control }) => withoutLesson(exercise, control))
    const summary = await runExercises({
      exercises,
      namespace: fresh(),
      api: 'gateway',
      report: silent,
      falseAlarm: FALSE_ALARM_PER_CHECK,
      patience: 3000
    })
    results = summary.results
  }, 600_000)

  test.for(controls)('$exercise.id: $control.fails fails when $control.when', ({ control }, { skip }) => {
    const result = results[controls.findIndex(other => other.control === control)]
    const reason = reasonNotJudged(result, control.fails)
    skip(reason !== undefined, reason)
    expect(checkOf(result, control.fails)).toMatchObject({ ok: false })
  })
})
