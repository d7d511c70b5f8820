// How a load and its checks are judged on a quiet machine and on a slow one. The calls and the noise are made up, with
// fixed seeds.
import { describe, expect, test } from 'vitest'
import { FALSE_ALARM_PER_CHECK } from '../src/course/registry.ts'
import { KubectlError } from '../src/cluster/kubectl.ts'
import type { Step } from '../src/course/exercise.ts'
import { expect as expects, inspect, load, once } from '../src/course/steps.ts'
import { about, all } from '../src/judge/statistics.ts'
import type { Call } from '../src/judge/load.ts'
import { figuresOf } from '../src/docs/record.ts'
import { silent } from '../src/run/reporter.ts'
import { performAll, verdictOf } from '../src/run/exercise.ts'
import { newRun } from '../src/run/exercise-run.ts'
import { exitCodeOf } from '../src/run/run.ts'
import { requireQuietShare } from '../src/run/steps/noise.ts'
import { DEFAULT_TOLERANCE_MS, Disturbed, SLOW_MS } from '../src/judge/soundness.ts'
import type { Environment } from '../src/run/environment.ts'
import { stubUpstream } from '@outfitters/service-kit/testing'
import { generator } from './generator.ts'

const failed = ({ status }: Call) => status === 500
const CALLS = load('calls', '/', { says: 'Send requests.' })
const HALF = expects('calls-fail', 'calls that fail', about(1 / 2, { tellFrom: [0.6] }), failed)

interface Machine {
  /** the milliseconds that the gateway's status port takes to answer, by the rate of the load and the loads so far */
  late: (rate: number, loads: number) => number
  /** the share of the calls that fail */
  failing: number
  /** how many calls get no answer for 15 seconds, as on a machine that is far too slow */
  stalled?: number
  /** milliseconds from the first request of a load to its last answer */
  lasted?: number
  /** what a command of the lesson prints */
  prints?: string
  origin?: string
  /** the error of every command of the lesson */
  throws?: Error
}

/** Carries out steps, and returns the result with the rates of the loads. */
async function performed (steps: Step[], machine: Machine) {
  const { late, failing, stalled = 0, lasted = 1000, prints = '', origin = '', throws } = machine
  const rates: number[] = []
  const draw = generator(21)
  let rate = 0
  const kubectl = { announce () {}, namespace: 'shop', signal: undefined }
  const environment = {
    kubectl,
    report: silent,
    clock: { least: 0, most: 0 },
    gateway: { nameInTraces: '', interruptions: 0, address: async () => ({ url: origin }) },
    fill: (text: string) => text,
    waitForRollouts: async () => {},
    async execute () {
      if (throws !== undefined) throw throws
      return { code: 0, stdout: prints, stderr: '' }
    }
  } as unknown as Environment
  const run = newRun({
    environment,
    exercise: { steps },
    falseAlarm: FALSE_ALARM_PER_CHECK,
    patience: 50,
    monitor: () => async () => ({ loopP99: 1, probeP50: 1, probeP99: late(rate, rates.length) }),
    send: async options => {
      rates.push(rate = options.rate)
      const statusOf = (i: number) => i < stalled ? 0 : draw() < failing ? 500 : 200
      const calls: Call[] = []
      for (let i = 0; i < (options.until as number) && options.isEnough?.(calls) !== true; i++) {
        calls.push({ status: statusOf(i), body: '', headers: {}, duration: i < stalled ? 15_000 : 5 })
      }
      return { calls, timing: { wanted: rate, kept: rate, lateP50: 1, lateP99: 2, lasted } }
    }
  })
  const unjudged = await performAll(steps, run)
  return { rates, unjudged, checks: run.checks, verdict: verdictOf(run.checks, unjudged) }
}

const LATER = { ...HALF, name: 'later calls that fail' }
const ANSWERED = expects('calls-answered', 'calls that are answered', all, ({ status }) => status === 200)

describe('a load', () => {
  test('is judged on a quiet machine, and its check has the measurement', async () => {
    const { verdict, rates, checks } = await performed([CALLS, HALF], { late: () => 5, failing: 0.5 })
    expect([verdict, rates]).toEqual(['pass', [100]])
    const measured = { wanted: 100, kept: 100, lateP99: 2, probeP99: 5, noise: 5, stalled: 0 }
    expect(checks).toMatchObject([{ ok: true, measured }])
  })

  test('is sent again at a quarter of the rate on a busy machine, and then judged', async () => {
    const busy = { late: (rate: number) => rate > 50 ? 4000 : 30, failing: 0.5 }
    expect(await performed([CALLS, HALF, CALLS, LATER], busy)).toMatchObject({ verdict: 'pass', rates: [100, 25, 25] })
  })

  test.each([0, 0.5, 1])('is not judged if the machine stays busy, nor are later loads: %s fail', async failing => {
    const steps = [CALLS, HALF, CALLS, LATER]
    const { verdict, rates, unjudged, checks } = await performed(steps, { late: () => 4000, failing })
    expect([verdict, rates, checks]).toEqual(['unjudged', [100, 25, 25], []])
    const disturbed = expect.stringContaining('the machine was late by 4,000 ms') as string
    const measured = { noise: 4000 }
    expect(unjudged).toMatchObject([HALF, LATER].map(({ name }) => ({ name, disturbed, measured })))
  })

  test('with a timeout is not judged on a slow machine, and fails on a quiet one', async () => {
    const steps = [CALLS, ANSWERED]
    expect(await performed(steps, { late: () => SLOW_MS + 1, failing: 0, stalled: 3 }))
      .toMatchObject({ verdict: 'unjudged', checks: [] })
    expect(await performed(steps, { late: () => 5, failing: 0, stalled: 3 }))
      .toMatchObject({ verdict: 'fail', checks: [{ ok: false }] })
  })

  // 60 % of the calls fail, and 50 % are expected. A check notices that with a probability of 0.99, and it
  // does with this seed. Noise that the check tolerates does not change that.
  test.each([5, SLOW_MS + 1, 900])('whose calls are wrong fails if it is judged: %s ms of noise', async late => {
    expect(await performed([CALLS, HALF], { late: () => late, failing: 0.6 }))
      .toMatchObject({ verdict: 'fail', checks: [{ ok: false }] })
    expect(await performed([CALLS, HALF], { late: () => late, failing: 0.5 })).toMatchObject({ verdict: 'pass' })
  })

  test('whose check is about time is not judged if the noise exceeds what the check tolerates', async () => {
    const steps = [CALLS, { ...HALF, tolerates: 200 }]
    expect(await performed(steps, { late: () => 200, failing: 0.5 })).toMatchObject({ verdict: 'pass' })
    expect(await performed(steps, { late: () => 201, failing: 0.5 })).toMatchObject({ verdict: 'unjudged' })
  })

  test('longer than its effect is not judged on a slow machine, and fails on a quiet one', async () => {
    const steps = [{ ...CALLS, within: 7000 }, ANSWERED]
    expect(await performed(steps, { late: () => SLOW_MS + 1, failing: 1, lasted: 9000 }))
      .toMatchObject({ verdict: 'unjudged' })
    expect(await performed(steps, { late: () => SLOW_MS, failing: 1, lasted: 9000 })).toMatchObject({ verdict: 'fail' })
  })

  test('must end before its effect does, counted from the change that it waits for', async () => {
    const stub = await stubUpstream((_request, response) => { response.end() })
    const waits = { ...CALLS, within: 1000, arrived: { seen: () => true } }
    const machine = { late: () => SLOW_MS + 1, failing: 0.5, lasted: 1000, origin: stub.origin }
    try {
      expect(await performed([{ ...CALLS, within: 1000 }, HALF], machine)).toMatchObject({ verdict: 'pass' })
      const { verdict, unjudged } = await performed([waits, HALF], machine)
      expect(verdict).toBe('unjudged')
      expect(unjudged[0]?.disturbed)
        .toMatch(/the load took [\d,]+ ms from the change on, and the effect that it shows lasts only 1,000 ms/)
    } finally {
      await stub.close()
    }
  })

  test('that failed before the machine became busy fails the exercise', async () => {
    const late = (_rate: number, loads: number) => loads <= 1 ? 5 : 4000
    const { verdict } = await performed([CALLS, HALF, { ...CALLS }, LATER], { late, failing: 0.9 })
    expect(verdict).toBe('fail')
  })
})

describe('a wait', () => {
  const printed = inspect('printed', 'what is printed', {
    says: 'Look.',
    command: ['kubectl'],
    expected: all,
    count: ({ output }) => once(output === 'yes')
  })

  test('without success is not judged on a slow machine, and fails on a quiet one', async () => {
    const slow = 'a change was not seen within 0.05 s, on a machine that was late by 151 ms'
    expect(await performed([printed], { late: () => SLOW_MS + 1, failing: 0 })).toMatchObject({
      verdict: 'unjudged',
      unjudged: [{ disturbed: expect.stringContaining(slow) as string }]
    })
    expect(await performed([printed], { late: () => SLOW_MS, failing: 0 })).toMatchObject({ verdict: 'fail' })
  })

  test('for kubectl that times out is not judged on a slow machine, and is an error on a quiet one', async () => {
    const applied = { ...printed, command: ['scripts/chaos.sh'] }
    const late = new KubectlError(['wait'], { code: 1, stdout: '', stderr: 'timed out waiting for the condition' })
    const failing = (noise: number, error: Error) =>
      performed([applied, HALF], { late: () => noise, failing: 0, throws: error })
    expect(await failing(SLOW_MS + 1, late)).toMatchObject({
      verdict: 'unjudged',
      unjudged: [{ id: 'printed', disturbed: expect.stringContaining('timed out waiting') as string }, { id: HALF.id }]
    })
    await expect(failing(SLOW_MS, late)).rejects.toThrow(late)
    const wrong = new KubectlError(['wait', '--timeout=60s'], { code: 1, stdout: '', stderr: 'not found' })
    await expect(failing(SLOW_MS + 1, wrong)).rejects.toThrow(wrong)
  })

  test('with success passes on a slow machine as well', async () => {
    const slow = { late: () => 900, failing: 0, prints: 'yes' }
    expect(await performed([printed], slow)).toMatchObject({ verdict: 'pass' })
  })

  test('for a share that has stopped growing is not judged on a machine that stalls', () => {
    const late = (probeP99: number) => () => requireQuietShare({ loopP99: 1, probeP50: 1, probeP99 })
    expect(late(DEFAULT_TOLERANCE_MS)).not.toThrow()
    expect(late(DEFAULT_TOLERANCE_MS + 1)).toThrow(Disturbed)
  })

  test('for a change that is not seen is not judged on a slow machine, and fails on a quiet one', async () => {
    const stub = await stubUpstream((_request, response) => { response.end() })
    const steps = [{ ...CALLS, arrived: { seen: failed } }, HALF]
    try {
      expect(await performed(steps, { late: () => SLOW_MS + 1, failing: 0.5, origin: stub.origin }))
        .toMatchObject({ verdict: 'unjudged', rates: [] })
      expect(await performed(steps, { late: () => 5, failing: 0, origin: stub.origin }))
        .toMatchObject({ verdict: 'fail', rates: [100] })
    } finally {
      await stub.close()
    }
  })
})

test('the exit code: a failure takes precedence over what was not judged', () => {
  const codeOf = (failed: number, notJudged: number) => exitCodeOf({ failed, notJudged })
  expect([codeOf(0, 0), codeOf(0, 2), codeOf(1, 0), codeOf(1, 2)]).toEqual([0, 4, 1, 1])
})

test('an exercise passes although the mesh lacks something for a check', () => {
  expect(verdictOf([{ ok: true }], [{ id: 'x', name: 'x', lacks: 'Prometheus' }])).toBe('pass')
  expect(verdictOf([{ ok: true }], [{ id: 'x', name: 'x', disturbed: 'the machine was too busy' }])).toBe('unjudged')
  expect(verdictOf([{ ok: false }], [{ id: 'x', name: 'x', disturbed: 'the machine was too busy' }])).toBe('fail')
})

test('an exercise that was not judged keeps the figures of the previous run', () => {
  const unjudged = [{ id: 'x', name: 'x', disturbed: 'the machine was too busy' }]
  expect(figuresOf([{ id: 'ch2.retry', verdict: 'unjudged', checks: [], unjudged }], '2026-01-01')).toEqual({})
})
