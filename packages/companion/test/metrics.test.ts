import { expect, test } from 'vitest'
import { added, parseMetrics } from '../src/judge/metrics.ts'

const TEXT = `# HELP calls How many.
# TYPE calls counter
calls{route="/items",status="200"} 12
calls{route="/items",status="500",fault="a \\"b\\",c"} 3
calls{route="/",status="200"} 1
up 1
latency 1.5e-3 1700000000
`

test('the series of a metric that have certain labels are added up', () => {
  const samples = parseMetrics(TEXT)
  expect(samples('calls')).toBe(16)
  expect(samples('calls', { route: '/items' })).toBe(15)
  expect(samples('calls', { fault: 'a \\"b\\",c' })).toBe(3)
  expect([samples('up'), samples('latency'), samples('call'), samples('calls', { status: '404' })]).toEqual([1, 0.0015, 0, 0])
})

test('what was added between two readings', () => {
  expect(added(parseMetrics(TEXT), parseMetrics(TEXT.replace('} 12', '} 20')))('calls', { status: '200' })).toBe(8)
})
