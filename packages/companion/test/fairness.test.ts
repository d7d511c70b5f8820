// What becomes of a load and of its checks on a machine that is quiet, or slow: played with calls and noise that are made up, and with fixed seeds.
import { describe, expect, test } from 'vitest'
import { FALSE_ALARM_PER_CHECK } from '../src/course/registry.ts'
import type { Exercise, Step } from '../src/course/exercise.ts'
import { expect as expects, inspect, load, once } from '../src/course/steps.ts'
import { about, all } from '../src/judge/statistics.ts'
import type { Call } from '../src/judge/load.ts'
import { figuresOf } from '../src/docs/record.ts'
import { silent } from '../src/run/reporter.ts'
import { exitCodeOf, perform, verdictOf } from '../src/run/run.ts'
import { DEFAULT_TOLERANCE_MS, Disturbed, SLOW_MS } from '../src/judge/soundness.ts'
import type { Stage } from '../src/run/stage.ts'
import { shareMayBeJudged, type Play } from '../src/run/steps.ts'
import { stubUpstream } from '@outfitters/service-kit/testing'
import { generator } from './generator.ts'

const failed = ({ status }: Call) => status === 500
const CALLS = load('calls', '/', { says: 'Send requests.' })
const HALF = expects('calls-fail', 'calls that fail', about(1 / 2, { tellFrom: [0.6] }), failed)

interface Machine {
  /** milliseconds that the gateway's status port takes, at a rate */
  late: (rate: number) => number
  /** the share of the calls that fail */
  failing: number
  /** calls that nobody answers for a quarter of a minute, as on a machine that is far too slow */
  stalled?: number
  /** milliseconds from the first request of a load to its last answer */
  lasted?: number
  /** what a command of the lesson prints */
  prints?: string
  origin?: string
}

/** Performs steps, and tells at which rates the loads of 100 or more were taken. */
async function performed (steps: Step[], { late, failing, stalled = 0, lasted = 1000, prints = '', origin = '' }: Machine) {
  const rates: number[] = []
  const draw = generator(21)
  let rate = 0
  const kubectl = { announce () {}, namespace: 'shop', signal: undefined }
  const play: Play = {
    stage: { kubectl, report: silent, clock: { least: 0, most: 0 }, address: async () => ({ url: origin }), filled: (word: string) => word, command: async () => ({ code: 0, stdout: prints, stderr: '' }) } as unknown as Stage,
    exercise: { steps } as Exercise,
    falseAlarm: FALSE_ALARM_PER_CHECK,
    patience: 50,
    watch: () => async () => ({ loopP99: 1, probeP50: 1, probeP99: late(rate) }),
    load: async options => {
      rates.push(rate = options.rate)
      const calls = Array.from({ length: options.until as number }, (_, i): Call => ({ status: i < stalled ? 0 : draw() < failing ? 500 : 200, body: '', headers: {}, duration: i < stalled ? 15_000 : 5 }))
      return { calls, timing: { wanted: rate, kept: rate, lateP50: 1, lateP99: 2, lasted } }
    },
    rate: 100,
    measured: undefined,
    calls: [],
    since: 0,
    metrics: {},
    output: '',
    checks: []
  }
  const unjudged = await perform(steps, play, silent)
  return { rates, unjudged, checks: play.checks, verdict: verdictOf(play.checks, unjudged) }
}

describe('a load on a busy machine', () => {
  test('is judged on a quiet one, and the check carries what was measured', async () => {
    const { verdict, rates, checks } = await performed([CALLS, HALF], { late: () => 5, failing: 0.5 })
    expect([verdict, rates]).toEqual(['pass', [100]])
    expect(checks).toMatchObject([{ ok: true, measured: { wanted: 100, kept: 100, lateP99: 2, probeP99: 5, noise: 5, stalled: 0 } }])
  })

  test('is taken at half the rate, and judged then', async () => {
    const busy = { late: (rate: number) => rate > 50 ? 4000 : 30, failing: 0.5 }
    expect(await performed([CALLS, HALF, CALLS, { ...HALF, name: 'later calls that fail' }], busy)).toMatchObject({ verdict: 'pass', rates: [100, 50, 50] })
  })

  test('is not judged if that does not help, whatever the answers, and neither are the steps after it', async () => {
    for (const failing of [0, 0.5, 1]) {
      const { verdict, rates, unjudged, checks } = await performed([CALLS, HALF, CALLS, { ...HALF, name: 'later calls that fail' }], { late: () => 4000, failing })
      expect([verdict, rates, checks]).toEqual(['unjudged', [100, 50, 25], []])
      expect(unjudged).toMatchObject(['calls that fail', 'later calls that fail'].map(name => ({ name, disturbed: expect.stringContaining('the machine was late by 4,000 ms'), measured: { noise: 4000 } })))
    }
  })

  test('a timeout on a slow machine is not a failure of the mesh, but on a quiet machine it is', async () => {
    const answered = expects('calls-answered', 'calls that are answered', all, ({ status }) => status === 200)
    expect(await performed([CALLS, answered], { late: () => SLOW_MS + 1, failing: 0, stalled: 3 })).toMatchObject({ verdict: 'unjudged', checks: [] })
    expect(await performed([CALLS, answered], { late: () => 5, failing: 0, stalled: 3 })).toMatchObject({ verdict: 'fail', checks: [{ ok: false }] })
  })

  // 60 % of some 1,300 calls, where 50 % are expected: judged to be wrong with a probability of 0.99, and with this seed. Noise that shares bear does not change that.
  test.each([5, SLOW_MS + 1, 900])('a false lesson fails when it is judged: %s ms of noise', async late => {
    expect(await performed([CALLS, HALF], { late: () => late, failing: 0.6 })).toMatchObject({ verdict: 'fail', checks: [{ ok: false }] })
    expect(await performed([CALLS, HALF], { late: () => late, failing: 0.5 })).toMatchObject({ verdict: 'pass' })
  })

  test('a lesson about time is not judged above the noise that it tolerates', async () => {
    const steps = [CALLS, { ...HALF, bears: 200 }]
    expect(await performed(steps, { late: () => 200, failing: 0.5 })).toMatchObject({ verdict: 'pass' })
    expect(await performed(steps, { late: () => 201, failing: 0.5 })).toMatchObject({ verdict: 'unjudged' })
  })

  test('a load whose effect passes is not judged where its answers came too late on a slow machine, and fails where the mesh made them late', async () => {
    const steps = [{ ...CALLS, within: 7000 }, expects('calls-answered', 'calls that are answered', all, ({ status }) => status === 200)]
    expect(await performed(steps, { late: () => SLOW_MS + 1, failing: 1, lasted: 9000 })).toMatchObject({ verdict: 'unjudged' })
    expect(await performed(steps, { late: () => SLOW_MS, failing: 1, lasted: 9000 })).toMatchObject({ verdict: 'fail' })
  })

  test('the time of such a load counts from the change that it waited for', async () => {
    const stub = await stubUpstream((_request, response) => { response.end() })
    const waits = { ...CALLS, within: 1000, arrived: { seen: () => true } }
    const machine = { late: () => SLOW_MS + 1, failing: 0.5, lasted: 1000, origin: stub.origin }
    try {
      expect(await performed([{ ...CALLS, within: 1000 }, HALF], machine)).toMatchObject({ verdict: 'pass' })
      expect(await performed([waits, HALF], machine)).toMatchObject({ verdict: 'unjudged', unjudged: [{ disturbed: expect.stringMatching(/the load took [\d,]+ ms from the change on, and the effect that it shows lasts only 1,000 ms/) }] })
    } finally {
      await stub.close()
    }
  })

  test('what failed before the machine became busy has failed', async () => {
    let loads = 0
    const { verdict } = await performed([CALLS, HALF, { ...CALLS }, { ...HALF, name: 'later calls that fail' }], { late: () => loads++ === 0 ? 5 : 4000, failing: 0.9 })
    expect(verdict).toBe('fail')
  })
})

describe('a wait without success', () => {
  const printed = inspect('printed', 'what is printed', { says: 'Look.', command: ['kubectl'], expected: all, count: ({ output }) => once(output === 'yes') })

  test('is not judged on a slow machine, and fails on a quiet one', async () => {
    expect(await performed([printed], { late: () => SLOW_MS + 1, failing: 0 })).toMatchObject({ verdict: 'unjudged', unjudged: [{ disturbed: expect.stringContaining('a change was not seen within 0.05 s, on a machine that was late by 151 ms') }] })
    expect(await performed([printed], { late: () => SLOW_MS, failing: 0 })).toMatchObject({ verdict: 'fail' })
  })

  test('what has arrived passes on a slow machine as well', async () => {
    expect(await performed([printed], { late: () => 900, failing: 0, prints: 'yes' })).toMatchObject({ verdict: 'pass' })
  })

  test('a share that has stopped growing is not judged on a machine that stalls', () => {
    const late = (probeP99: number) => () => shareMayBeJudged({ loopP99: 1, probeP50: 1, probeP99 })
    expect(late(DEFAULT_TOLERANCE_MS)).not.toThrow()
    expect(late(DEFAULT_TOLERANCE_MS + 1)).toThrow(Disturbed)
  })

  test('a change that does not arrive is not judged on a slow machine, and fails on a quiet one', async () => {
    const stub = await stubUpstream((_request, response) => { response.end() })
    const steps = [{ ...CALLS, arrived: { seen: failed } }, HALF]
    try {
      expect(await performed(steps, { late: () => SLOW_MS + 1, failing: 0.5, origin: stub.origin })).toMatchObject({ verdict: 'unjudged', rates: [] })
      expect(await performed(steps, { late: () => 5, failing: 0, origin: stub.origin })).toMatchObject({ verdict: 'fail', rates: [100] })
    } finally {
      await stub.close()
    }
  })
})

test('the exit code: a failure takes precedence over what was not judged', () => {
  expect([[0, 0], [0, 2], [1, 0], [1, 2]].map(([failed, notJudged]) => exitCodeOf({ failed: failed as number, notJudged: notJudged as number }))).toEqual([0, 4, 1, 1])
})

test('an exercise passes although the mesh lacks something for a check', () => {
  expect(verdictOf([{ ok: true }], [{ id: 'x', name: 'x', lacks: 'Prometheus' }])).toBe('pass')
  expect(verdictOf([{ ok: true }], [{ id: 'x', name: 'x', disturbed: 'the machine was too busy' }])).toBe('unjudged')
  expect(verdictOf([{ ok: false }], [{ id: 'x', name: 'x', disturbed: 'the machine was too busy' }])).toBe('fail')
})

test('an exercise that was not judged keeps the figures of the previous run', () => {
  expect(figuresOf([{ id: 'ch2.retry', verdict: 'unjudged', checks: [], unjudged: [{ id: 'x', name: 'x', disturbed: 'the machine was too busy' }] }], '2026-01-01')).toEqual({})
})
