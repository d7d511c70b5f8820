// The exercises on a real mesh: each passes, none passes without its lesson, and what was in the namespace before is there afterwards.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { command, ROOT } from '../src/command.ts'
import { course, ERROR } from '../src/course.ts'
import { withoutLesson } from '../src/exercise.ts'
import { Kubectl } from '../src/kubectl.ts'
import { namespaceMade } from '../src/preflight.ts'
import { silent } from '../src/reporter.ts'
import { run, type Summary } from '../src/run.ts'
import { rolledOut } from '../src/workloads.ts'
import { k8s } from './mesh.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
const cluster = new Kubectl('default')
const namespaces: string[] = []
const fresh = () => {
  const name = `e2e-${randomBytes(3).toString('hex')}`
  namespaces.push(name)
  return name
}

/** Runs the companion as a reader does; `input` is what is typed. */
const exercise = (args: string[], input = '') => command('node', [CLI, ...args], { input })

afterAll(async () => {
  for (const name of namespaces) await new Kubectl(name).try(['delete', 'gateways.networking.istio.io,virtualservices', '--all']) // at once: they claim the gateway
  await cluster.run(['delete', 'namespace', ...namespaces, '--ignore-not-found', '--wait=false'])
})

describe('the course', () => {
  let summary: Summary
  const namespace = fresh()

  beforeAll(async () => {
    const start = Date.now()
    const { stdout } = await exercise(['--all', '--json', '--namespace', namespace])
    summary = JSON.parse(stdout) as Summary
    console.log(`${summary.passed} exercises passed, ${summary.failed} failed, in ${Math.round((Date.now() - start) / 1000)} s`)
  }, 600_000)

  test.each(course)('$id passes', ({ id }) => {
    expect(summary.results.find(result => result.id === id)).toMatchObject({ verdict: 'pass' })
  })

  test('the result is of the promised shape', () => {
    expect(summary).toEqual({
      passed: course.length,
      failed: 0,
      results: course.map(({ id, steps }) => ({
        id,
        verdict: 'pass',
        checks: steps.filter(step => 'expected' in step).map(({ name }) =>
          ({ name, expected: expect.any(Number), observed: expect.any(Number), n: expect.any(Number), low: expect.any(Number), high: expect.any(Number), ok: true }))
      }))
    })
  })

  test('the namespace that was not there before is going', async () => {
    expect(['', 'Terminating']).toContain((await cluster.try(['get', 'namespace', namespace, '--ignore-not-found', '-o', 'jsonpath={.status.phase}'])).stdout)
  })
})

describe('without its lesson no exercise passes', () => {
  let summary: Summary

  beforeAll(async () => {
    summary = await run({ exercises: course.map(withoutLesson), namespace: fresh(), report: silent, error: ERROR, patience: 3000 })
  }, 600_000)

  test.each(course)('$id: $control.fails', ({ id, control }) => {
    const result = summary.results.find(result => result.id === id)
    expect(result).toMatchObject({ verdict: 'fail' })
    expect(result?.checks.find(({ name }) => name === control.fails)).toMatchObject({ ok: false })
  })
})

describe('what a reader has in his namespace', () => {
  const namespace = fresh()
  const other = fresh()
  const kubectl = new Kubectl(namespace)
  const host = ['--namespace', namespace, '--host', 'reader.example']

  beforeAll(async () => {
    for (const name of [namespace, other]) await namespaceMade(new Kubectl(name))
    await new Kubectl(other).apply(k8s('istio/ch2/ingress-gateway.yaml'))
    await kubectl.run(['apply', '-k', k8s('')])
    await kubectl.run(['scale', 'deployment/catalog', '--replicas=2'])
    await kubectl.run(['set', 'env', 'deployment/catalog', 'SHOW_IMAGE=true'])
    await kubectl.apply(k8s('services/catalog-v2.yaml'))
    await kubectl.applyText(JSON.stringify({
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'catalog', labels: { of: 'the-reader' } },
      spec: { hosts: ['catalog'], http: [{ timeout: '3s', route: [{ destination: { host: 'catalog' } }] }] }
    }))
    await kubectl.applyText(JSON.stringify({ apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule', metadata: { name: 'mine' }, spec: { host: 'forum' } }))
    await rolledOut(kubectl, ['catalog', 'catalog-v2', 'webapp', 'forum'])
    await command('scripts/chaos.sh', ['rule', '{"type":"latency","name":"mine","latencyMs":7,"percentage":12.5}', '--app', 'webapp', '-n', namespace])
  })

  /** All that the reader has, without what the API server writes into it. */
  const everything = async () => {
    const objects = await kubectl.objects(['istio-io,deployments,services,serviceaccounts,configmaps'])
    const rules = await command('scripts/chaos.sh', ['show', '--app', 'webapp', '-n', namespace])
    return {
      objects: objects.map(({ kind, metadata: { name, labels }, spec }) => ({ kind, name, labels, spec })),
      rules: rules.stdout.replace(/"state": \{[^]*/, '')
    }
  }

  test('is there again after exercises that pass beside it', async () => {
    const before = await everything()
    expect(before.rules).toContain('"latencyMs": 7')
    const { code, stdout } = await exercise(['ch2.chaos', 'ch2.route-v1', ...host])
    expect([code, stdout]).toEqual([0, expect.stringContaining('2 passed, 0 failed')])
    expect(await everything()).toEqual(before)
  })

  test('is there again after Ctrl-C in the midst of one', async () => {
    const before = await everything()
    expect((await interrupted('npm', ['run', 'exercise', '--', 'ch2.retry', ...host], 'SIGINT')).said).toMatch(/The run was interrupted[^]*ch2\.retry +not run[^]*0 passed, 1 failed/)
    expect(await everything()).toEqual(before)
  })

  test('is there again after SIGTERM', async () => {
    const before = await everything()
    expect(await interrupted('node', [CLI, 'ch2.retry', ...host], 'SIGTERM')).toEqual({ code: 130, said: expect.stringContaining('The run was interrupted') })
    expect(await everything()).toEqual(before)
  })

  test('is there again with --reset after the companion was killed', async () => {
    const before = await everything()
    await interrupted('node', [CLI, 'ch2.retry', ...host], 'SIGKILL')
    expect(await everything()).not.toEqual(before)
    expect(await exercise(['--reset', ...host])).toMatchObject({ code: 0, stdout: expect.stringContaining(`Namespace ${namespace} is as it was before the exercises.`) })
    expect(await everything()).toEqual(before)
    expect(await exercise(['--reset', ...host])).toMatchObject({ code: 0, stdout: expect.stringContaining('No run has left anything') })
  })

  test('two namespaces that claim the same host of the gateway are noticed', async () => {
    expect(await exercise(['ch2.gateway', '--namespace', namespace])).toMatchObject({ code: 3, stderr: expect.stringContaining(`in namespace ${other} claims the host * on the ingress gateway already`) })
  })

  test('a namespace that was made is going again, however early Ctrl-C comes', async () => {
    const made = fresh()
    const { code } = await interrupted('node', [CLI, 'ch2.retry', '--namespace', made, '--host', 'early.example'], 'SIGINT', 'create namespace')
    expect(code).toBe(130)
    expect(['', 'Terminating']).toContain((await cluster.try(['get', 'namespace', made, '--ignore-not-found', '-o', 'jsonpath={.status.phase}'])).stdout)
  })

  /** What comes of a signal to the whole process group once it has said this, as Ctrl-C sends it. */
  async function interrupted (name: string, args: string[], signal: NodeJS.Signals, when = 'Most of the calls get through') {
    const child = spawn(name, args, { cwd: ROOT, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { said += text })
    await vi.waitFor(() => expect(said).toContain(when), { timeout: 60_000 })
    process.kill(-(child.pid as number), signal)
    const [code] = await once(child, 'close') as [number | null]
    return { code, said }
  }
})

test('--step waits for Enter, --keep leaves what was made, and --reset removes it', async () => {
  const namespace = fresh()
  const args = ['--namespace', namespace, '--host', 'step.example']
  expect(await exercise(['ch2.gateway', '--step', ...args], '\n')).toMatchObject({ code: 3, stderr: expect.stringContaining('--step waits for Enter') }) // one Enter is not enough
  const kept = await exercise(['ch2.gateway', '--step', '--keep', ...args], '\n\n\n')
  expect(kept).toMatchObject({ code: 0, stdout: expect.stringContaining('--reset brings back') })
  expect((await new Kubectl(namespace).objects(['virtualservices', 'webapp-virtualservice']))[0]).toMatchObject({ spec: { hosts: ['step.example'] } })
  expect(await exercise(['--reset', ...args])).toMatchObject({ code: 0 })
  expect(await new Kubectl(namespace).objects(['gateways.networking.istio.io'])).toEqual([])
})
