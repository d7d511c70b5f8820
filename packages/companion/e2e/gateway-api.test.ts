// The exercises about routing pass with the Kubernetes Gateway API too.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { choose, course, FALSE_ALARM_PER_CHECK } from '../src/course/registry.ts'
import { withoutLesson } from '../src/course/controls.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { requireGatewayApi } from '../src/cluster/preflight.ts'
import { silent } from '../src/run/reporter.ts'
import { run, type Summary } from '../src/run/run.ts'
import { hasTwin } from '../src/course/twins.ts'
import { checkOf, exercise, freshNamespaces } from './exercises.ts'
import { notJudged } from './mesh.ts'

const twins = course.filter(hasTwin)
const { fresh, remove } = freshNamespaces()
const namespace = fresh()
let summary: Summary

beforeAll(async () => {
  await requireGatewayApi(new Kubectl(namespace))
  const ids = twins.map(({ id }) => id)
  const { stdout } = await exercise([...ids, '--api', 'gateway', '--json', '--namespace', namespace])
  summary = JSON.parse(stdout) as Summary
}, 900_000)
afterAll(remove)

test('the exercises about routing in chapters 2, 4 and 5 have files for the Gateway API', () => {
  expect(twins.map(({ id }) => id)).toEqual([
    'ch2.gateway', 'ch2.chaos', 'ch2.retry', 'ch2.v2', 'ch2.route-v1', 'ch2.dark-launch',
    'ch4.gateway-host', 'ch4.tls', 'ch4.redirect', 'ch4.mtls', 'ch4.multi-tls',
    'ch5.edge', 'ch5.mesh-route', 'ch5.weights', 'ch5.mirror', 'ch5.canary', 'ch5.egress'
  ])
})

test.for(twins)('$id passes', ({ id }, { skip }) => {
  const result = summary.results.find(result => result.id === id)
  const note = notJudged(result)
  skip(note !== undefined, note)
  expect(result).toMatchObject({ verdict: 'pass' })
})

describe('an exercise fails if a part of its lesson is missing', () => {
  const controls = choose(['ch2.dark-launch', 'ch4.gateway-host', 'ch5.canary'])
    .flatMap(exercise => exercise.controls.map(control => ({ exercise, control })))
  let results: Summary['results']

  beforeAll(async () => {
    const exercises = controls.map(({ exercise, control }) => withoutLesson(exercise, control))
    const summary = await run({
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
    const note = notJudged(result)
    skip(note !== undefined, note)
    expect(checkOf(result, control.fails)).toMatchObject({ ok: false })
  })
})
