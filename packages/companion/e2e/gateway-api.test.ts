// The exercises that route, by the Kubernetes Gateway API: the same lessons, the same verdicts.
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { command } from '../src/command.ts'
import { course, ERROR } from '../src/course.ts'
import { withoutLesson } from '../src/exercise.ts'
import { Kubectl } from '../src/kubectl.ts'
import { gatewayApiIsThere } from '../src/preflight.ts'
import { silent } from '../src/reporter.ts'
import { run, type Summary } from '../src/run.ts'
import { hasTwin } from '../src/twins.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
const twins = course.filter(hasTwin)
const namespace = `e2e-${randomBytes(3).toString('hex')}`
let summary: Summary

beforeAll(async () => {
  await gatewayApiIsThere(new Kubectl(namespace))
  const { stdout } = await command('node', [CLI, ...twins.map(({ id }) => id), '--api', 'gateway', '--json', '--namespace', namespace])
  summary = JSON.parse(stdout) as Summary
}, 900_000)
afterAll(async () => { await new Kubectl('default').run(['delete', 'namespace', namespace, `${namespace}-without`, '--ignore-not-found', '--wait=false']) })

test('those of chapters 2, 4 and 5 that route', () => {
  expect(twins.map(({ id }) => id)).toEqual(expect.arrayContaining(['ch2.retry', 'ch2.route-v1', 'ch2.dark-launch', 'ch4.gateway-host', 'ch4.tls', 'ch4.redirect', 'ch4.mtls', 'ch4.multi-tls', 'ch5.edge', 'ch5.mesh-route', 'ch5.weights', 'ch5.mirror']))
})

test.each(twins)('$id passes', ({ id }) => {
  expect(summary.results.find(result => result.id === id)).toMatchObject({ verdict: 'pass' })
})

test('without its route an exercise does not pass here either', async () => {
  const dark = twins.find(({ id }) => id === 'ch2.dark-launch')
  const [control] = dark?.controls ?? []
  if (dark === undefined || control === undefined) throw new Error('ch2.dark-launch has no control')
  const { results } = await run({ exercises: [withoutLesson(dark, control)], namespace: `${namespace}-without`, api: 'gateway', report: silent, error: ERROR, patience: 3000 })
  expect(results[0]?.checks.filter(({ ok }) => !ok).map(({ name }) => name)).toContain(control.fails)
})
