import { expect, test } from 'vitest'
import { increase, parseMetrics } from '../src/judge/metrics.ts'

const TEXT = `# HELP calls How many.
# TYPE calls counter
calls{route="/items",status="200"} 12
calls{route="/items",status="500",fault="a \\"b\\",c"} 3
calls{route="/",status="200"} 1
up 1
latency 1.5e-3 1700000000
`

test('a reading is the sum of the series that have the labels', () => {
  const samples = parseMetrics(TEXT)
  expect(samples('calls')).toBe(16)
  expect(samples('calls', { route: '/items' })).toBe(15)
  expect(samples('calls', { fault: 'a \\"b\\",c' })).toBe(3)
  expect(samples('up')).toBe(1)
  expect(samples('latency')).toBe(0.0015)
  expect(samples('call')).toBe(0)
  expect(samples('calls', { status: '404' })).toBe(0)
})

test('the increase is the difference between two readings', () => {
  const increased = increase(parseMetrics(TEXT), parseMetrics(TEXT.replace('} 12', '} 20')))
  expect(increased('calls', { status: '200' })).toBe(8)
})
