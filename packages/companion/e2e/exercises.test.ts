// The exercises on a real mesh: each passes, none passes without its lesson, and what was in the namespace before is there afterwards.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { activeFaults } from '../src/cluster/chaos.ts'
import { command, ROOT } from '../src/cluster/command.ts'
import { course, FALSE_ALARM_PER_CHECK } from '../src/course/registry.ts'
import { withoutLesson } from '../src/course/controls.ts'
import type { Control, Exercise, Step } from '../src/course/exercise.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { managerFor, othersIn } from '../src/cluster/namespace.ts'
import { ensureNamespace } from '../src/cluster/preflight.ts'
import { silent, type Result, type Unjudged } from '../src/run/reporter.ts'
import { run, type Summary } from '../src/run/run.ts'
import { waitForRollout } from '../src/cluster/workloads.ts'
import { apply, k8s, notJudged, NOTHING_FAILED, withImages } from './mesh.ts'

/** The catalog as somebody has it who leaves the number of its pods to others. */
const CATALOG = withImages(readFileSync(k8s('services/catalog.yaml'), 'utf8')).replace(/^ *replicas: .*\n/m, '')

/** The webapp as the book's readers have it: by its selector all that is called so is its own. */
const WEBAPP = withImages(readFileSync(k8s('services/webapp.yaml'), 'utf8')).replace(/(matchLabels:\n *app: webapp\n) *version: v1\n/, '$1')

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
const cluster = new Kubectl('default')
const namespaces: string[] = []
const fresh = () => {
  const name = `e2e-${randomBytes(3).toString('hex')}`
  namespaces.push(name)
  return name
}

/** What the result of an exercise has beside its verdict: its checks, but for what this mesh cannot show. What was measured is left out. */
const promised = (steps: Step[], unjudged: Unjudged[]) => ({
  checks: steps.filter(step => 'expected' in step && !unjudged.some(({ id }) => id === step.id)).map(step =>
    ({ id: step.id, name: 'name' in step && step.name, expected: expect.any(Number), observed: expect.any(Number), n: expect.any(Number), low: expect.any(Number), high: expect.any(Number), ok: true })),
  ...(unjudged.length > 0 && { unjudged })
})

/** What the companion says when a step begins. */
function textOf (exercise: string, id: string): string {
  const step = course.find(({ id }) => id === exercise)?.steps.find(step => step.id === id)
  if (step === undefined || !('says' in step)) throw new Error(`${exercise} has no step ${id} that says anything`)
  return step.says
}

/** Runs the companion as a reader does; `input` is what is typed. */
const exercise = (args: string[], input = '') => command('node', [CLI, ...args], { input })

afterAll(async () => {
  for (const name of namespaces) await new Kubectl(name).try(['delete', 'gateways.networking.istio.io,virtualservices', '--all']) // at once: they claim the gateway
  await cluster.run(['delete', 'namespace', ...namespaces, '--ignore-not-found', '--wait=false'])
})

/** How often the course is run, each time from a fresh namespace: a quarter of an hour each on two cores. COURSE_RUNS=1 is for who has less. */
const RUNS = Number(process.env['COURSE_RUNS'] ?? 2)

describe.each(Array.from({ length: RUNS }, (_, run) => run + 1))('the course from a fresh namespace, run %s', () => {
  let summary: Summary
  const namespace = fresh()

  beforeAll(async () => {
    const start = Date.now()
    const { stdout } = await exercise(['--all', '--json', '--namespace', namespace])
    summary = JSON.parse(stdout) as Summary
    mkdirSync(join(ROOT, 'packages/companion/.reports'), { recursive: true })
    writeFileSync(join(ROOT, 'packages/companion/.reports/course.json'), stdout) // for npm run docs -- FILE
    console.log(`${summary.passed} exercises passed, ${summary.failed} failed, ${summary.notJudged} not judged, in ${Math.round((Date.now() - start) / 1000)} s`)
  }, 3_600_000)

  test.for(course)('$id passes', ({ id }, { skip }) => {
    const result = summary.results.find(result => result.id === id)
    const note = notJudged(result)
    skip(note !== undefined, note)
    expect(result).toMatchObject({ verdict: 'pass' })
  })

  test('the result is of the promised shape', () => {
    const results = summary.results.map(result => ({ ...result, checks: result.checks.map(({ measured: _, ...check }) => check) }))
    const unjudged = summary.results.filter(result => notJudged(result) !== undefined) // the busy machine's, not a failure
    expect({ ...summary, results }).toEqual({
      passed: course.length - unjudged.length,
      failed: 0,
      notRun: 0,
      notJudged: unjudged.length,
      results: course.map(({ id, steps }) => ({
        id,
        verdict: unjudged.some(result => result.id === id) ? 'unjudged' : 'pass',
        ...promised(steps, summary.results.find(result => result.id === id)?.unjudged ?? [])
      }))
    })
  })

  test('the namespace that was not there before is going', async () => {
    expect(['', 'Terminating']).toContain((await cluster.try(['get', 'namespace', namespace, '--ignore-not-found', '-o', 'jsonpath={.status.phase}'])).stdout)
  })
})

describe('without its lesson no exercise passes', () => {
  const controls = course.flatMap(exercise => exercise.controls.map(control => ({ exercise, control })))
  const results = new Map<Control, Result | undefined>()

  // By halves, as two trainees at once: it has to fail, which a busy machine keeps nobody from. What has to do with the gateway's Telemetry, which all share, is in one half.
  const halfOf = ({ id, steps }: Exercise) => Number(/^ch([789]|\d\d)\./.test(id) || steps.some(step => step.kind === 'apply' && step.file.startsWith('istio/ch8/')))

  beforeAll(async () => {
    await Promise.all([0, 1].map(async half => {
      const ours = controls.filter(({ exercise }) => halfOf(exercise) === half)
      const summary = await run({ exercises: ours.map(({ exercise, control }) => withoutLesson(exercise, control)), namespace: fresh(), host: `half${half}.example`, report: silent, falseAlarm: FALSE_ALARM_PER_CHECK, patience: 3000 })
      expect(summary.error).toBeUndefined()
      for (const [index, { control }] of ours.entries()) results.set(control, summary.results[index])
    }))
    // What the other half has kept from being judged has the machine to itself now.
    const again = controls.filter(({ control }) => results.get(control)?.verdict === 'unjudged')
    if (again.length === 0) return
    const summary = await run({ exercises: again.map(({ exercise, control }) => withoutLesson(exercise, control)), namespace: fresh(), host: 'again.example', report: silent, falseAlarm: FALSE_ALARM_PER_CHECK, patience: 3000 })
    expect(summary.error).toBeUndefined()
    for (const [index, { control }] of again.entries()) results.set(control, summary.results[index])
  }, 3_600_000)

  test.for(controls)('$exercise.id: when $control.when, $control.fails', ({ control }, { skip }) => {
    const result = results.get(control)
    const note = notJudged(result)
    skip(note !== undefined, note)
    if (result?.unjudged?.some(({ id, lacks }) => lacks !== undefined && id === control.fails) === true) return expect(course.find(({ id }) => id === result.id)?.steps.some(step => 'lacks' in step)).toBe(true) // this mesh cannot show it either way
    expect(result).toMatchObject({ verdict: 'fail' })
    expect(result?.checks.find(({ id }) => id === control.fails)).toMatchObject({ ok: false })
  })
})

describe('what a reader has in his namespace', () => {
  const namespace = fresh()
  const other = fresh()
  const kubectl = new Kubectl(namespace)
  const host = ['--namespace', namespace, '--host', 'reader.example']

  beforeAll(async () => {
    for (const name of [namespace, other]) await ensureNamespace(new Kubectl(name))
    await new Kubectl(other).apply(k8s('istio/ch2/ingress-gateway.yaml'))
    await apply(kubectl, '.')
    await kubectl.run(['delete', 'deployment', 'webapp'])
    await kubectl.applyText(WEBAPP)
    await kubectl.run(['patch', 'service', 'forum', '--patch', '{"spec":{"selector":{"version":"v1"}}}']) // apply would leave it
    await kubectl.applyText(CATALOG)
    await kubectl.run(['scale', 'deployment/catalog', '--replicas=2']) // beside his file, which says nothing about it
    await kubectl.run(['set', 'env', 'deployment/catalog', 'SHOW_IMAGE=true'])
    await apply(kubectl, 'services/catalog-v2.yaml')
    await kubectl.applyText(JSON.stringify({
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'catalog', labels: { of: 'the-reader' } },
      spec: { hosts: ['catalog'], http: [{ timeout: '3s', route: [{ destination: { host: 'catalog' } }] }] }
    }))
    await kubectl.applyText(JSON.stringify({ apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule', metadata: { name: 'mine' }, spec: { host: 'forum' } }))
    await waitForRollout(kubectl, ['catalog', 'catalog-v2', 'webapp', 'forum'])
    for (const app of ['webapp', 'catalog']) await command('scripts/chaos.sh', ['rule', '{"type":"latency","name":"mine","latencyMs":7,"percentage":12.5}', '--app', app, '-n', namespace])
  })

  /** All that the reader has, without what the API server writes into it; of faults, how many pods of which version have which. */
  const everything = async () => {
    const objects = await kubectl.objects(['istio-io,deployments,services,serviceaccounts,configmaps'])
    return {
      objects: objects.map(({ kind, metadata: { name, labels, annotations }, spec }) => ({ kind, name, labels, annotations: { ...annotations as object, 'deployment.kubernetes.io/revision': '' }, spec })),
      faults: (await activeFaults(kubectl)).map(({ app, version, rules }) => JSON.stringify({ app, version, rules })).sort()
    }
  }

  test('is there again after exercises that pass beside it', async () => {
    const before = await everything()
    expect(before.faults).toEqual(['v1', 'v1', 'v2', 'v1'].map((version, i) => expect.stringMatching(`"app":"${i === 3 ? 'webapp' : 'catalog'}","version":"${version}","rules":.*"latencyMs":7`)))
    const { code, stdout } = await exercise(['ch2.route-v1', 'ch2.retry', ...host])
    expect([code, stdout]).toEqual([NOTHING_FAILED, expect.stringContaining(' passed, 0 failed')])
    expect(await everything()).toEqual(before)
    await kubectl.applyText(CATALOG)
    expect(await kubectl.objects(['deployment/catalog', 'deployment/webapp'])).toMatchObject([{ spec: { replicas: 2 } }, { spec: { selector: { matchLabels: { app: 'webapp' } } } }])
  })

  test('is there again after Ctrl-C in the midst of one', async () => {
    const before = await everything()
    expect((await interrupted('npm', ['run', 'exercise', '--', 'ch2.retry', ...host], 'SIGINT')).said).toMatch(/The run was interrupted[^]*ch2\.retry +not run[^]*0 passed, 0 failed, 1 not run/)
    expect(await everything()).toEqual(before)
  })

  test('is there again after Ctrl-C while a command runs beside the load', async () => {
    const before = await everything()
    expect(await interrupted('node', [CLI, 'ch5.canary', ...host], 'SIGINT', 'scripts/canary.sh -n')).toEqual({ code: 130, said: expect.stringContaining('The run was interrupted') })
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

  test('is there again though another context was chosen meanwhile', async () => {
    const before = await everything()
    const file = join(mkdtempSync(join(tmpdir(), 'kubeconfig-')), 'config')
    const config = (...args: string[]) => cluster.tryCluster(['config', '--kubeconfig', file, ...args])
    await command('sh', ['-c', `umask 077; kubectl config view --raw --flatten > ${file}`])
    await config('set-context', 'elsewhere', '--cluster=elsewhere')
    const env = { ...process.env, KUBECONFIG: file }
    const { code } = await during('node', [CLI, 'ch2.route-v1', ...host], () => config('use-context', 'elsewhere'), { when: textOf('ch2.route-v1', 'apply-catalog-virtualservice-all-v1'), env })
    expect([code, (await config('current-context')).stdout.trim()]).toEqual([NOTHING_FAILED, 'elsewhere'])
    expect(await everything()).toEqual(before)
  })

  test('is in nobody\'s way: of two runs that begin at once, one is refused, and one runs', async () => {
    const before = await everything()
    const runs = await Promise.all([exercise(['ch2.dark-launch', ...host]), exercise(['ch2.dark-launch', ...host])])
    const refused = runs.findIndex(({ code }) => code === 3)
    expect(runs.map(({ code }) => code).toSpliced(refused, 1)).toEqual([NOTHING_FAILED])
    expect(runs[refused]?.stderr).toContain(`Another run is at work in namespace ${namespace}`)
    expect(await everything()).toEqual(before)
  })

  test('is there again where the gateway is as well: a Secret of his own that has the name of the exercise\'s', async () => {
    const system = cluster.in('istio-system')
    const secret = 'webapp-credential.reader.example'
    await system.run(['delete', 'secret', secret, '--ignore-not-found'])
    await system.run(['create', 'secret', 'generic', secret, '--from-literal=tls.crt=mine'])
    const before = await everything()
    expect(await exercise(['ch4.tls', ...host])).toMatchObject({ code: NOTHING_FAILED, stderr: '' })
    expect(await everything()).toEqual(before)
    expect(await system.objects(['secret', secret])).toMatchObject([{ data: { 'tls.crt': btoa('mine') } }])
    await system.run(['delete', 'secret', secret])
  })

  test('is kept apart from what another run has where all share the gateway', async () => {
    const theirs = new Kubectl(other)
    const telemetry = () => cluster.in('istio-system').objects(['telemetry', 'outfitters-gateway'])
    await cluster.in('istio-system').run(['apply', '-f', k8s('istio/ch8/gateway-telemetry.yaml'), `--field-manager=${managerFor(other)}`])
    await theirs.run(['create', 'secret', 'generic', 'outfitters-companion'])
    const { code, stdout } = await exercise(['ch8.tracing', ...host])
    expect([code, stdout]).toEqual([1, expect.stringContaining(`Telemetry outfitters-gateway in namespace istio-system belongs to the exercises in namespace ${other}`)])
    expect(await telemetry()).toHaveLength(1)

    await theirs.run(['delete', 'secret', 'outfitters-companion']) // as it goes when somebody deletes the namespace
    expect(await exercise(['ch8.tracing', ...host])).toMatchObject({ code: NOTHING_FAILED })
    expect(await telemetry()).toEqual([])
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

  test('and is going with --reset where the companion was killed as soon as it had made it', async () => {
    const made = fresh()
    await interrupted('node', [CLI, 'ch2.retry', '--namespace', made, '--host', 'early.example'], 'SIGKILL', 'create namespace')
    await vi.waitFor(async () => expect(await cluster.try(['get', 'namespace', made])).toMatchObject({ code: 0 }))
    expect(await exercise(['--reset', '--namespace', made])).toMatchObject({ code: 0 })
    expect(['', 'Terminating']).toContain((await cluster.try(['get', 'namespace', made, '--ignore-not-found', '-o', 'jsonpath={.status.phase}'])).stdout)
  })

  /** What comes of a signal to the whole process group once it has said this, as Ctrl-C sends it. */
  const interrupted = (name: string, args: string[], signal: NodeJS.Signals, when = textOf('ch2.retry', 'retried-calls')) =>
    during(name, args, async group => { process.kill(group, signal) }, { when })

  /** What comes of a run during which something happens, once it has said `when`. */
  async function during (name: string, args: string[], happens: (group: number) => Promise<unknown>, { when, env = process.env }: { when: string, env?: NodeJS.ProcessEnv }) {
    const child = spawn(name, args, { cwd: ROOT, detached: true, stdio: ['ignore', 'pipe', 'pipe'], env })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { said += text })
    const ended = once(child, 'close') as Promise<[number | null]>
    await vi.waitFor(() => expect(said).toContain(when), { timeout: 60_000 })
    await happens(-(child.pid as number))
    const [code] = await ended
    return { code, said }
  }
})

test('--step waits for Enter, --keep leaves what was made, and --reset removes it', async () => {
  const namespace = fresh()
  const args = ['--namespace', namespace, '--host', 'step.example']
  expect(await exercise(['ch2.gateway', '--step', ...args], '\n')).toMatchObject({ code: 3, stderr: expect.stringContaining('--step waits for Enter') }) // one Enter is not enough
  const kept = await exercise(['ch2.gateway', '--step', '--keep', ...args], '\n\n\n\n')
  expect(kept).toMatchObject({ code: NOTHING_FAILED, stdout: expect.stringContaining(`To restore what was there before: npm run exercise -- --reset ${args.join(' ')}`) })
  expect((await new Kubectl(namespace).objects(['virtualservices', 'webapp-virtualservice']))[0]).toMatchObject({ spec: { hosts: ['step.example'] } })
  expect(await exercise(['--reset', ...args])).toMatchObject({ code: 0 })
  expect(await new Kubectl(namespace).objects(['gateways.networking.istio.io'])).toEqual([])
})

test('a run takes nothing over that one before it has changed, and did not live to undo', async () => {
  const namespace = fresh()
  const kubectl = new Kubectl(namespace)
  const args = ['--namespace', namespace, '--host', 'changed.example']
  expect(await exercise(['ch2.deploy', '--keep', ...args])).toMatchObject({ code: NOTHING_FAILED })
  await kubectl.run(['set', 'env', 'deployment/catalog', 'LEFT=over'])
  expect(await exercise(['ch2.deploy', '--keep', ...args])).toMatchObject({ code: NOTHING_FAILED })
  expect(JSON.stringify(await kubectl.objects(['deployment', 'catalog']))).not.toContain('LEFT')
  expect(await exercise(['--reset', ...args])).toMatchObject({ code: 0 })
})

test('what a reader has put into a namespace that was made stays, and the namespace with it', async () => {
  const namespace = fresh()
  const kubectl = new Kubectl(namespace)
  const args = ['--namespace', namespace, '--host', 'mine.example']
  expect(await exercise(['ch2.deploy', '--keep', ...args])).toMatchObject({ code: NOTHING_FAILED })
  await kubectl.run(['create', 'configmap', 'mine'])
  expect(await exercise(['--reset', ...args])).toMatchObject({ code: 0, stdout: expect.stringContaining(`Namespace ${namespace} was created for the exercises. It stays, because it has objects of yours: configmap/mine`) })
  expect(await othersIn(kubectl, [])).toEqual(['configmap/mine'])
  expect(await exercise(['--reset', ...args])).toMatchObject({ stdout: expect.stringContaining('No run has left anything') })
})
