import fc from 'fast-check'
import { Histogram, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { BUCKETS, Durations } from '../src/durations.ts'

test('a histogram of durations exposes the same text as prom-client\'s own', async () => {
  const seconds = fc.oneof(fc.constantFrom(0, ...BUCKETS), fc.double({ min: 0, max: 20, noNaN: true }))
  const route = fc.constantFrom('/items', '/"\\')
  const observation = fc.record({ seconds, status: fc.constantFrom(200, 500), route })
  await fc.assert(fc.asyncProperty(fc.array(observation, { maxLength: 50 }), async observations => {
    const [ours, theirs] = [new Registry(), new Registry()]
    const durations = new Durations('calls_seconds', 'Calls.', ours)
    const histogram = new Histogram({
      name: 'calls_seconds', help: 'Calls.', buckets: BUCKETS, labelNames: ['status', 'route'], registers: [theirs]
    })
    for (const { seconds, ...labels } of observations) {
      durations.observe(`${labels.status} ${labels.route}`, seconds, () => labels)
      histogram.observe(labels, seconds)
    }
    expect(await ours.metrics()).toBe(await theirs.metrics())
  }), { seed: 16, numRuns: 200 })
})
