// The exercises that route, by the Kubernetes Gateway API: the same lessons, the same verdicts.
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { command } from '../src/cluster/command.ts'
import { choose, course, FALSE_ALARM_PER_CHECK } from '../src/course/registry.ts'
import { withoutLesson } from '../src/course/controls.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { requireGatewayApi } from '../src/cluster/preflight.ts'
import { silent } from '../src/run/reporter.ts'
import { run, type Summary } from '../src/run/run.ts'
import { hasTwin } from '../src/course/twins.ts'
import { notJudged } from './mesh.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
const twins = course.filter(hasTwin)
const namespace = `e2e-${randomBytes(3).toString('hex')}`
let summary: Summary

beforeAll(async () => {
  await requireGatewayApi(new Kubectl(namespace))
  const { stdout } = await command('node', [CLI, ...twins.map(({ id }) => id), '--api', 'gateway', '--json', '--namespace', namespace])
  summary = JSON.parse(stdout) as Summary
}, 900_000)
afterAll(async () => { await new Kubectl('default').run(['delete', 'namespace', namespace, `${namespace}-without`, '--ignore-not-found', '--wait=false']) })

test('those of chapters 2, 4 and 5 that route', () => {
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

describe('without its lesson an exercise does not pass here either', () => {
  const controls = ['ch2.dark-launch', 'ch4.gateway-host', 'ch5.canary'].flatMap(id => choose([id])).flatMap(exercise => exercise.controls.map(control => ({ exercise, control })))
  let results: Summary['results']

  beforeAll(async () => {
    const exercises = controls.map(({ exercise, control }) => withoutLesson(exercise, control))
    results = (await run({ exercises, namespace: `${namespace}-without`, api: 'gateway', report: silent, falseAlarm: FALSE_ALARM_PER_CHECK, patience: 3000 })).results
  }, 600_000)

  test.for(controls)('$exercise.id: when $control.when, $control.fails', ({ control }, { skip }) => {
    const result = results[controls.findIndex(other => other.control === control)]
    const note = notJudged(result)
    skip(note !== undefined, note)
    expect(result?.checks.find(({ id }) => id === control.fails)).toMatchObject({ ok: false })
  })
})
