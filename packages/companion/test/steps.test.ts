import { describe, expect, test } from 'vitest'
import { runChaosScript } from '../src/cluster/chaos.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import type { Step } from '../src/course/exercise.ts'
import { course } from '../src/course/registry.ts'
import {
  apply, expect as expects, expectCount, fault, inspect, load, once, run as command
} from '../src/course/steps.ts'
import type { Call, LoadOptions } from '../src/judge/load.ts'
import { about, all } from '../src/judge/statistics.ts'
import type { Environment } from '../src/run/environment.ts'
import { MissingFeature, newRun } from '../src/run/exercise-run.ts'
import { silent } from '../src/run/reporter.ts'
import { curlLine } from '../src/run/steps/curl.ts'
import { commandFor, perform } from '../src/run/steps/index.ts'
import { limitsOf, sampleOf } from '../src/run/steps/sample-size.ts'
import { answering, type Answer } from './fake-kubectl.ts'

const CALL: Call = { status: 200, body: '', headers: {}, duration: 5 }
const TIMING = { wanted: 100, kept: 100, lateP50: 0, lateP99: 0, lasted: 10 }

/** A run of these steps whose cluster answers like this, and what it did. */
function runOf (steps: Step[], ...answers: Answer[]) {
  const announced: string[] = []
  const output: string[] = []
  const done: unknown[] = []
  const sent: LoadOptions[] = []
  const execute = answering(...answers)
  const kubectl = new Kubectl('shop', { execute, announce: line => { announced.push(line) } })
  const environment = {
    kubectl,
    report: { ...silent, output: (text: string) => { output.push(text) } },
    clock: { least: 0, most: 0 },
    gateway: {
      nameInTraces: 'gateway.shop',
      address: async ({ path, host }: { path: string, host?: string }) =>
        ({ url: `http://10.0.0.1${path}`, headers: { ...(host !== undefined && { host }) } })
    },
    fill: (text: string, since?: number) => text.replaceAll('NAMESPACE', 'shop').replaceAll('SINCE', String(since)),
    expand: (text: string) => text,
    setFault: (words: string[]) => runChaosScript(kubectl, words, 'lesson'),
    execute: ([, ...args]: string[]) => kubectl.try(args, undefined, 'lesson'),
    waitForRollouts: async () => {},
    apply: async (step: Step) => { done.push(step) },
    runCommand: async (step: Step) => { done.push(step) }
  } as unknown as Environment
  const run = newRun({
    environment,
    exercise: { steps },
    falseAlarm: 1e-4,
    patience: 0,
    monitor: () => async () => ({ loopP99: 0, probeP50: 0, probeP99: 0 }),
    send: async options => {
      sent.push(options)
      const length = typeof options.until === 'number' ? options.until : 3
      return { calls: Array.from({ length }, () => CALL), timing: TIMING }
    }
  })
  return { run, announced, output, done, sent }
}

test('an apply step applies its file, and a run step runs its command', async () => {
  const steps = [apply('istio/ch2/ingress-gateway.yaml', 'Apply.'), command('kubectl delete pods', 'Delete.')]
  const { run, done } = runOf(steps)
  for (const step of steps) await perform(step, run)
  expect(done).toEqual(steps)
})

test('a fault is set by the script, in the namespace of the exercise', async () => {
  const { run, announced } = runOf([])
  await expect(perform(fault('500 50', 'Break it.'), run)).rejects
    .toThrow('scripts/chaos.sh 500 50 failed with exit code 1')
  expect(announced).toEqual(['scripts/chaos.sh 500 50 -n shop --verbose'])
})

describe('a load', () => {
  const sends = load('calls', '/api/catalog', { says: 'Send.', headers: { 'x-a': 'b' } })
  const answered = expects('answered', 'calls that are answered', all, ({ status }) => status === 200)

  test('sends as many requests as its checks need, and the line to type has them all', async () => {
    const steps = [sends, answered]
    const { run, sent, announced } = runOf(steps)
    await perform(sends, run)
    const { most: total } = sampleOf(sends, { steps }, 1e-4)
    expect(sent).toMatchObject([{ url: 'http://10.0.0.1/api/catalog', rate: 100, until: total }])
    expect(announced).toEqual([`curl -H 'x-a: b' http://10.0.0.1/api/catalog   # ${total} times, 100 a second`])
    expect(run.calls).toHaveLength(total)
    expect(run.since).toBeGreaterThan(0)
    await perform(answered, run)
    expect(run.checks).toMatchObject([{ id: 'answered', ok: true, measured: { wanted: 100 } }])
  })

  test('goes on while a command runs, whose output the checks see', async () => {
    const restarts = { ...sends, during: ['kubectl', 'rollout', 'restart'] }
    const printed = expectCount('printed', 'what was printed', all, ({ output }) => once(output === 'restarted'))
    const { run, sent, output } = runOf([restarts, printed], [/rollout restart/, { stdout: 'restarted' }])
    await perform(restarts, run)
    expect(sent[0]?.until).toBeInstanceOf(AbortSignal)
    expect(output).toEqual(['restarted'])
    await perform(printed, run)
    expect(run.checks).toMatchObject([{ ok: true }])
  })

  test('reads metrics before and after', async () => {
    const scrapes = { ...sends, scrape: ['catalog-v2'] }
    const metrics = (value: number) => ({ stdout: `requests_total{a="b"} ${value}\n` })
    const answer: Answer = [/exec deploy\/catalog-v2/, { ...metrics(2), then: metrics(5) }]
    const { run, announced } = runOf([scrapes, answered], answer)
    await perform(scrapes, run)
    expect(announced[0]).toBe('kubectl -n shop exec deploy/catalog-v2 -c catalog -- curl -s localhost:3000/metrics')
    expect(run.metrics['catalog-v2']?.('requests_total', {})).toBe(3)
  })
})

describe('an inspection', () => {
  const base = { says: 'Look.', command: ['kubectl', 'get', 'a', '--since=SINCE'], expected: all }
  const printed = inspect('printed', 'what is printed', { ...base, count: ({ output }) => once(output === 'yes') })

  test('judges what its command prints, since the last load', async () => {
    const { run, announced, output } = runOf([printed], [/get a/, { stdout: 'yes', stderr: '(!)' }])
    run.since = 7
    await perform(printed, run)
    expect(run.checks).toMatchObject([{ id: 'printed', ok: true }])
    expect([announced, output]).toEqual([['kubectl -n shop get a --since=7'], ['yes(!)']])
  })

  test('runs its command again until it prints what is expected', async () => {
    const { run, announced } = runOf([printed], [/get a/, { stdout: 'no', then: { stdout: 'yes' } }])
    run.patience = 10_000
    await perform(printed, run)
    expect([announced.length, run.checks[0]?.ok]).toEqual([2, true])
  })

  test('ends the exercise if the mesh lacks something', async () => {
    const { run } = runOf([printed], [/get a/, { stdout: 'too old' }])
    const needs = { ...printed, lacks: (output: string) => output === 'too old' ? 'a newer Istio' : undefined }
    await expect(perform(needs, run)).rejects.toThrow(MissingFeature)
    expect(run.checks).toEqual([])
  })
})

describe('the command to type', () => {
  const tls = { ca: 'FOLDER/ca.crt', cert: 'FOLDER/a.crt', key: 'FOLDER/a.key' }
  const count = () => once(true)
  const words = (...args: string[]) => ['kubectl', ...args]
  const request = { says: 'Send.', method: 'POST' as const, body: '{"a":1}' }

  test.each<[string | undefined, Step]>([
    ['kubectl apply -f k8s/istio/ch2/ingress-gateway.yaml', apply('istio/ch2/ingress-gateway.yaml', 'Apply.')],
    ['kubectl apply -k k8s', apply('.', 'Apply.')],
    [
      'sed "s|MODULUS|$(cat /tmp/outfitters/modulus)|" k8s/services/catalog.yaml | kubectl apply -f -',
      apply('services/catalog.yaml', 'Apply.', { values: { MODULUS: 'FOLDER/modulus' } })
    ],
    [
      'kubectl -n istio-system get \'a b\'',
      { ...command('kubectl', 'Get.'), command: words('-n', 'GATEWAYS', 'get', 'a b') }
    ],
    ['scripts/chaos.sh 500 50', fault('500 50', 'Break it.')],
    ['curl -H \'host: a.io\' -d \'{"a":1}\' localhost:8080/x', load('a', '/x', { ...request, host: 'a.io' })],
    ['curl -X POST localhost:8080/x', load('a', '/x', { ...request, body: undefined })],
    [
      'curl --resolve a.io:8443:127.0.0.1 --cacert /tmp/outfitters/ca.crt --cert /tmp/outfitters/a.crt ' +
      '--key /tmp/outfitters/a.key https://a.io:8443/x',
      load('a', '/x', { says: 'Send.', host: 'a.io', tls })
    ],
    [
      'curl -H "authorization: Bearer $(cat /tmp/outfitters/token)" localhost:8080/x',
      load('a', '/x', { says: 'Send.', headers: { authorization: 'Bearer $(cat FOLDER/token)' } })
    ],
    [
      'while :; do curl localhost:8080/x; sleep 0.1; done & kubectl rollout restart; kill %1',
      load('a', '/x', { says: 'Send.', during: ['kubectl', 'rollout', 'restart'] })
    ],
    [
      'kubectl logs a --since=1m',
      inspect('a', 'a', { says: 'Look.', command: words('logs', 'a', '--since=SINCE'), expected: all, count })
    ],
    [undefined, expects('a', 'a', all, () => true)]
  ])('%s', (line, step) => {
    expect(commandFor(step)).toBe(line)
  })

  test('has no placeholder left, in any exercise', () => {
    const lines = course.flatMap(({ steps }) => steps.map(commandFor))
    expect(lines.filter(line => /NAMESPACE|GATEWAY|FOLDER|SINCE/.test(line ?? ''))).toEqual([])
  })
})

test('the words of curl are filled in before they are quoted', () => {
  expect(curlLine({ url: 'http://WHERE' }, word => word.replace('WHERE', 'a b'))).toBe("curl 'http://a b'")
})

test('the checks between a load and the next one decide how many requests it sends and what noise it tolerates', () => {
  const first = load('first', '/', { says: 'Send.', within: 5000 })
  const second = load('second', '/', { says: 'Send.' })
  const is = () => true
  const coarse = expects('coarse', 'coarse', about(1 / 2, { tellFrom: [0.9] }), is, { tolerates: 500 })
  const fine = expects('fine', 'fine', about(1 / 2, { tellFrom: [0.6] }), is, { tolerates: 300 })
  const steps = [first, coarse, fine, second, coarse]
  const requests = (step: typeof first) => sampleOf(step, { steps }, 1e-4).most
  expect(requests(first)).toBeGreaterThan(requests(second))
  expect([limitsOf(first, { steps }), limitsOf(second, { steps })])
    .toEqual([{ within: 5000, tolerates: 300 }, { within: undefined, tolerates: 500 }])
})
