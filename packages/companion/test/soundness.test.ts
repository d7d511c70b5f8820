import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { course } from '../src/course/registry.ts'
import {
  DEFAULT_TOLERANCE_MS, Disturbed, measurementOf, repeatUntilSound, SLOW_MS, STALLED_MS, unsoundReasons,
  type Measurement
} from '../src/judge/soundness.ts'
import { BURST_RATE } from '../src/judge/load.ts'
import { limitsOf } from '../src/run/steps/sample-size.ts'

const QUIET: Measurement = {
  wanted: 100,
  kept: 100,
  lateP50: 1,
  lateP99: 5,
  lasted: 1000,
  loopP99: 5,
  probeP50: 3,
  probeP99: 8,
  noise: 8,
  stalled: 0,
  interruptions: 0
}

const milliseconds = (max = 60_000) => fc.double({ min: 0, max, noNaN: true })
const someTiming = fc.record({
  wanted: fc.constantFrom(10, 25, 50, 100),
  kept: fc.double({ min: 1, max: 100, noNaN: true }),
  lateP50: milliseconds(),
  lateP99: milliseconds(),
  lasted: milliseconds()
})
const someDelays = fc.record({ loopP99: milliseconds(), probeP50: milliseconds(), probeP99: milliseconds() })
const someCall = fc.record({
  status: fc.constantFrom(0, 200, 429, 500, 503, 504),
  body: fc.string(),
  headers: fc.constant({}),
  duration: milliseconds()
})
const someCalls = fc.array(someCall, { maxLength: 50 })
const SEED = { seed: 21, numRuns: 500 }

describe('a measurement', () => {
  test('on a quiet machine is sound', () => {
    expect(unsoundReasons(QUIET)).toEqual([])
  })

  test('is sound or unsound regardless of the answers: a wrong mesh is judged like a correct one', () => {
    const someStatus = fc.constantFrom(0, 200, 500, 503, 504)
    fc.assert(fc.property(someCalls, someTiming, someDelays, someStatus, (calls, timing, delays, status) => {
      const others = calls.map(call => ({ ...call, status, body: 'error calling Catalog service' }))
      const [one, other] = [calls, others].map(calls => unsoundReasons(measurementOf(calls, timing, delays)))
      expect(other).toEqual(one)
    }), SEED)
  })

  test('is sound if the port-forward ended on a quiet machine: a gateway that refuses a connection ends it', () => {
    expect(unsoundReasons({ ...QUIET, interruptions: 3 })).toEqual([])
  })

  test('is unsound because of stalled calls only on a slow machine: otherwise, the mesh is the cause', () => {
    fc.assert(fc.property(someCalls, milliseconds(), (calls, probeP50) => {
      const quiet = { loopP99: SLOW_MS / 2, probeP50, probeP99: SLOW_MS }
      expect(unsoundReasons(measurementOf(calls, QUIET, quiet))).toEqual([])
    }), SEED)
    const slow = { loopP99: SLOW_MS + 1, probeP50: 5, probeP99: 5 }
    const reasons = (...durations: number[]) =>
      unsoundReasons(measurementOf(durations.map(duration => ({ duration })), QUIET, slow))
    const within = 'had no answer within 10,000 ms, on a machine that was late by 151 ms'
    expect(reasons(STALLED_MS)).toEqual([`1 call ${within}`])
    expect(reasons(STALLED_MS, STALLED_MS)).toEqual([`2 calls ${within}`])
    expect(reasons(STALLED_MS - 1)).toEqual([])
  })

  test('that is unsound stays unsound with more noise', () => {
    fc.assert(fc.property(someTiming, someDelays, someDelays, milliseconds(5000), (timing, delays, more, tolerates) => {
      const loopP99 = delays.loopP99 + more.loopP99
      const probeP99 = delays.probeP99 + more.probeP99
      const isUnsound = (delays: typeof more) =>
        unsoundReasons(measurementOf([], timing, delays), { tolerates }).length > 0
      if (isUnsound(delays)) expect(isUnsound({ ...delays, loopP99, probeP99 })).toBe(true)
    }), SEED)
  })

  test.each([
    [
      'with more noise than the check tolerates',
      { noise: 201, probeP99: 201 },
      { tolerates: 200 },
      /^the machine was late by 201 ms, and this load tolerates 200 ms/
    ],
    [
      'with more noise than any check tolerates',
      { noise: DEFAULT_TOLERANCE_MS + 1, lateP99: DEFAULT_TOLERANCE_MS + 1 },
      {},
      /^the machine was late by 2,001 ms/
    ],
    [
      'whose port-forward ended on a slow machine',
      { interruptions: 1, noise: SLOW_MS + 1 },
      {},
      /^the port-forward to the gateway ended once, on a machine that was late by 151 ms$/
    ],
    ['below the rate', { kept: 79 }, {}, /^only 79 of 100 requests a second could be sent$/],
    [
      'that takes longer than the effect lasts',
      { lasted: 7001 },
      { within: 7000 },
      /^the load took 7,001 ms, and the effect that it shows lasts only 7,000 ms$/
    ]
  ])('%s is unsound', (_, more, limits, message) => {
    expect(unsoundReasons({ ...QUIET, ...more }, limits)).toEqual([expect.stringMatching(message)])
  })

  test('on a quiet machine counts only the time in which requests left', () => {
    const late = { ...QUIET, lasted: 7001 }
    expect(unsoundReasons(late, { within: 7000 }, 700)).toEqual([])
    expect(unsoundReasons(late, { within: 7000 }, 701)).not.toEqual([])
    expect(unsoundReasons({ ...late, noise: SLOW_MS + 1 }, { within: 7000 }, 100)).not.toEqual([])
    expect(unsoundReasons(late, { within: 7000, passed: 6001 }, 100))
      .toEqual(['the load took 7,001 ms from the change on, and the effect that it shows lasts only 7,000 ms'])
  })

  test('of a load that takes less than a second, or is sent as fast as possible, needs no rate', () => {
    expect(unsoundReasons({ ...QUIET, wanted: 400, kept: 150 }, {}, 100)).toEqual([])
    expect(unsoundReasons({ ...QUIET, wanted: 400, kept: 50 }, {}, 100)).not.toEqual([])
    expect(unsoundReasons({ ...QUIET, wanted: BURST_RATE, kept: 50 }, {}, 100)).toEqual([])
  })
})

describe('a load is repeated until its measurement is sound', () => {
  /** Sends a load whose attempts have these noises, one after the other. */
  const repeat = async (noises: number[], options: { rate: number, slowest: number, times?: number }) => {
    const rates: number[] = []
    const told: string[] = []
    const outcome = await repeatUntilSound({
      times: 3,
      ...options,
      take: async rate => {
        rates.push(rate)
        return { ...QUIET, noise: noises[rates.length - 1] as number }
      },
      reasons: unsoundReasons,
      measured: taken => taken,
      again: async ([reason], rate) => { told.push(`${rate}: ${reason}`) }
    }).catch((error: unknown) => error)
    return { rates, told, outcome }
  }
  const NOISY = [5000, 4000, 3000]

  test('on a quiet machine, the first attempt is sound', async () => {
    const outcome = { taken: QUIET, rate: 100 }
    expect(await repeat([8], { rate: 100, slowest: 10 })).toEqual({ rates: [100], told: [], outcome })
  })

  test('on a busy machine, the next attempt has a quarter of the rate', async () => {
    const { rates, told, outcome } = await repeat([5000, 8], { rate: 100, slowest: 10 })
    expect(rates).toEqual([100, 25])
    expect(told).toEqual([expect.stringMatching(/^25: the machine was late by 5,000 ms/)])
    expect(outcome).toMatchObject({ rate: 25 })
  })

  test('after the last attempt, the error says what was measured and what to do', async () => {
    const { rates, outcome } = await repeat(NOISY, { rate: 100, slowest: 10 })
    expect(rates).toEqual([100, 25, 10])
    expect(outcome).toBeInstanceOf(Disturbed)
    const { message, measured } = outcome as Disturbed
    expect(message).toMatch(/^the machine was too busy: the machine was late by 3,000 ms, and this load tolerates /)
    expect(message).toMatch(/\. Close other programs, or give the cluster more cores, and run the exercise again\.$/)
    expect(measured).toMatchObject({ noise: 3000 })
  })

  test('a lesson about a rate keeps its rate, and no rate is below the slowest', async () => {
    const ratesFrom = async (rate: number, slowest: number) => (await repeat(NOISY, { rate, slowest })).rates
    expect(await ratesFrom(100, 100)).toEqual([100, 100, 100])
    expect(await ratesFrom(2000, 2000)).toEqual([2000, 2000, 2000])
    expect(await ratesFrom(25, 10)).toEqual([25, 10, 10])
    expect(await ratesFrom(400, 25)).toEqual([400, 100, 25])
  })

  test('a load that may be sent only once is not repeated', async () => {
    const { rates, outcome } = await repeat(NOISY, { rate: 100, slowest: 10, times: 1 })
    expect(rates).toEqual([100])
    expect(outcome).toBeInstanceOf(Disturbed)
  })
})

test('the README explains every field of `measured`', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const [, table] = /says how well a load could be measured([^]*?)\n## /.exec(readme) as RegExpExecArray
  for (const field of Object.keys(QUIET)) expect(table, field).toContain(`\`${field}\``)
})

test.each([
  'ch2.retry', 'ch6.lb-least-request', 'ch6.locality', 'ch6.timeout', 'ch6.retry-budget', 'ch6.outlier',
  'ch6.connection-limit', 'ch6.circuit-breaker', 'ch9.ext-authz', 'ch10.slow', 'ch14.ratelimit', 'ch14.tap'
])('%s is about time, so it limits the noise or the time of its loads', wanted => {
  const exercise = course.find(({ id }) => id === wanted) as (typeof course)[number]
  const limits = exercise.steps.flatMap(step => step.kind === 'load' ? Object.values(limitsOf(step, exercise)) : [])
  expect(limits.filter(limit => limit !== undefined)).not.toEqual([])
})
