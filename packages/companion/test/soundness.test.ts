import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { course } from '../src/course/registry.ts'
import { BEARS_MS, Disturbed, measuredOf, SLOW_MS, STALLED_MS, takeSoundly, unsoundness, type Measured } from '../src/judge/soundness.ts'
import { demandsOf } from '../src/run/steps/sample-size.ts'

const QUIET: Measured = { wanted: 100, kept: 100, lateP50: 1, lateP99: 5, lasted: 1000, loopP99: 5, probeP50: 3, probeP99: 8, noise: 8, stalled: 0 }

const milliseconds = (max = 60_000) => fc.double({ min: 0, max, noNaN: true })
const pace = fc.record({ wanted: fc.constantFrom(10, 25, 50, 100), kept: fc.double({ min: 1, max: 100, noNaN: true }), lateP50: milliseconds(), lateP99: milliseconds(), lasted: milliseconds() })
const noise = fc.record({ loopP99: milliseconds(), probeP50: milliseconds(), probeP99: milliseconds() })
const calls = fc.array(fc.record({ status: fc.constantFrom(0, 200, 429, 500, 503, 504), body: fc.string(), headers: fc.constant({}), duration: milliseconds() }), { maxLength: 50 })
const SEED = { seed: 21, numRuns: 500 }

describe('whether a measurement is sound', () => {
  test('that of a quiet machine is', () => {
    expect(unsoundness(QUIET)).toEqual([])
  })

  test('does not depend on the answers: a wrong mesh is judged in the same way as a correct one', () => {
    fc.assert(fc.property(calls, pace, noise, fc.constantFrom(0, 200, 500, 503, 504), (calls, pace, noise, status) => {
      const others = calls.map(call => ({ ...call, status, body: 'error calling Catalog service' }))
      expect(unsoundness(measuredOf(others, pace, noise))).toEqual(unsoundness(measuredOf(calls, pace, noise)))
    }), SEED)
  })

  test('calls without an answer count only on a slow machine: otherwise, the mesh is the cause', () => {
    fc.assert(fc.property(calls, noise, (calls, { probeP50 }) => {
      const quiet = { loopP99: SLOW_MS / 2, probeP50, probeP99: SLOW_MS }
      expect(unsoundness(measuredOf(calls, QUIET, quiet))).toEqual([])
    }), SEED)
    const slow = { loopP99: SLOW_MS + 1, probeP50: 5, probeP99: 5 }
    expect(unsoundness(measuredOf([{ duration: STALLED_MS }], QUIET, slow))).toEqual([expect.stringMatching(/^1 calls had no answer within 10,000 ms, on a machine that was late by 151 ms$/)])
    expect(unsoundness(measuredOf([{ duration: STALLED_MS - 1 }], QUIET, slow))).toEqual([])
  })

  test('more noise never makes an unsound measurement sound', () => {
    fc.assert(fc.property(pace, noise, noise, milliseconds(5000), (pace, noise, more, bears) => {
      const later = { loopP99: noise.loopP99 + more.loopP99, probeP50: noise.probeP50, probeP99: noise.probeP99 + more.probeP99 }
      if (unsoundness(measuredOf([], pace, noise), { bears }).length > 0) expect(unsoundness(measuredOf([], pace, later), { bears })).not.toEqual([])
    }), SEED)
  })

  test.each([
    ['the noise that the check tolerates', { noise: 201, probeP99: 201 }, { bears: 200 }, /^the machine was late by 201 ms, and this load tolerates 200 ms/],
    ['the noise that every check tolerates', { noise: BEARS_MS + 1, lateP99: BEARS_MS + 1 }, {}, /^the machine was late by 2,001 ms/],
    ['the rate', { kept: 79 }, {}, /^only 79 of 100 requests a second could be sent$/],
    ['the time that the effect lasts', { lasted: 7001 }, { within: 7000 }, /^the load took 7,001 ms, and the effect that it shows lasts only 7,000 ms$/]
  ])('it is unsound beyond %s', (_, more, demands, message) => {
    expect(unsoundness({ ...QUIET, ...more }, demands)).toEqual([expect.stringMatching(message)])
  })

  test('of a load on a quiet machine, only the time counts in which its requests left', () => {
    const late = { ...QUIET, lasted: 7001 }
    expect(unsoundness(late, { within: 7000 }, 700)).toEqual([])
    expect(unsoundness(late, { within: 7000 }, 701)).not.toEqual([])
    expect(unsoundness({ ...late, noise: SLOW_MS + 1 }, { within: 7000 }, 100)).not.toEqual([])
    expect(unsoundness(late, { within: 7000, passed: 6001 }, 100)).toEqual([expect.stringMatching(/^the load took 7,001 ms from the change on, and the effect that it shows lasts only 7,000 ms$/)])
  })

  test('a burst of less than a second has no rate to keep', () => {
    expect(unsoundness({ ...QUIET, wanted: 2000, kept: 400 }, {}, 100)).toEqual([])
    expect(unsoundness({ ...QUIET, wanted: 2000, kept: 50 }, {}, 100)).not.toEqual([])
  })
})

describe('a load is taken until its measurement is sound', () => {
  /** Each time that it is taken it is as noisy as this says, and the rates at which it was. */
  const takes = async (noises: number[], options: { rate: number, slowest: number, times?: number }) => {
    const rates: number[] = []
    const told: string[] = []
    const outcome = await takeSoundly({
      times: 3,
      ...options,
      take: async rate => {
        rates.push(rate)
        return { ...QUIET, noise: noises[rates.length - 1] as number }
      },
      reasons: unsoundness,
      measured: taken => taken,
      again: async ([reason], rate) => { told.push(`${rate}: ${reason}`) }
    }).catch((error: unknown) => error)
    return { rates, told, outcome }
  }

  test('at once on a quiet machine', async () => {
    expect(await takes([8], { rate: 100, slowest: 10 })).toEqual({ rates: [100], told: [], outcome: { taken: QUIET, rate: 100 } })
  })

  test('on a busy machine, again at half the rate', async () => {
    expect(await takes([5000, 8], { rate: 100, slowest: 10 })).toMatchObject({ rates: [100, 50], told: [expect.stringMatching(/^50: the machine was late by 5,000 ms/)], outcome: { rate: 50 } })
  })

  test('after the last attempt there is no verdict, but a message with what was measured and what to do', async () => {
    const { rates, outcome } = await takes([5000, 4000, 3000], { rate: 100, slowest: 10 })
    expect(rates).toEqual([100, 50, 25])
    expect(outcome).toBeInstanceOf(Disturbed)
    expect(outcome).toMatchObject({ message: expect.stringMatching(/^the machine was too busy: the machine was late by 3,000 ms, and this load tolerates 2,000 ms .*\. Close other programs, or give the cluster more cores/), measured: { noise: 3000 } })
  })

  test('a lesson about a rate keeps it, and no rate falls below the slowest', async () => {
    expect((await takes([5000, 5000, 5000], { rate: 100, slowest: 100 })).rates).toEqual([100, 100, 100])
    expect((await takes([5000, 5000, 5000], { rate: 2000, slowest: 2000 })).rates).toEqual([2000, 2000, 2000])
    expect((await takes([5000, 5000, 5000], { rate: 25, slowest: 10 })).rates).toEqual([25, 12.5, 10])
  })

  test('a load that cannot be repeated is not', async () => {
    expect((await takes([5000], { rate: 100, slowest: 10, times: 1 })).outcome).toBeInstanceOf(Disturbed)
  })
})

test('the README says of all that is measured what it is', () => {
  const [, table] = /says how well a load could be measured([^]*?)\n### /.exec(readFileSync(new URL('../README.md', import.meta.url), 'utf8')) as RegExpExecArray
  for (const name of Object.keys(QUIET)) expect(table, name).toContain(`\`${name}\``)
})

test('lessons about time say how much noise they tolerate', () => {
  const demands = (wanted: string) => {
    const exercise = course.find(({ id }) => id === wanted) as (typeof course)[number]
    return exercise.steps.flatMap(step => step.kind === 'load' ? Object.values(demandsOf(step, exercise)).filter(limit => limit !== undefined) : [])
  }
  for (const id of ['ch6.lb-least-request', 'ch6.locality', 'ch6.timeout', 'ch6.retry-budget', 'ch6.outlier', 'ch6.connection-limit', 'ch6.circuit-breaker', 'ch10.slow', 'ch14.ratelimit', 'ch2.retry', 'ch9.ext-authz', 'ch14.tap']) expect(demands(id), id).not.toEqual([])
})
