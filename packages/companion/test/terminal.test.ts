import { expect, test } from 'vitest'
import { checkText } from '../src/judge/figures.ts'
import { about, all, judge, none } from '../src/judge/statistics.ts'
import { Tally } from '../src/judge/tally.ts'

test('a tally by status, version, pod and attempt, with faults marked', () => {
  const tally = new Tally()
  const call = { body: '', headers: {}, duration: 1 }
  for (let i = 0; i < 3; i++) tally.add({ ...call, status: 200, version: 'v1', pod: 'catalog-1', attempt: i + 1 })
  tally.add({ ...call, status: 500, fault: '500', version: 'v1', pod: 'catalog-1', attempt: 4 })
  tally.add({ ...call, status: 503 })
  tally.add({ ...call, status: 0 })
  expect(tally.calls).toBe(6)
  expect(tally.lines()).toEqual([
    'status   200 ×3   500 injected ×1   503 ×1   no answer ×1',
    'version  v1 ×4',
    'pod      catalog-1 ×4',
    'attempt  1 ×1   2 ×1   3 ×1   4 ×1',
    'latency  p50 1 ms   p95 1 ms   p99 1 ms'
  ])
})

test('a verdict says what was expected, what was observed, of how many, and what is allowed', () => {
  expect(checkText(judge({ id: 'x', name: 'calls that fail', expected: about(1 / 16, { tellFrom: [1 / 8] }) }, { count: 48, of: 860 }, 2.5e-5)))
    .toMatch(/^calls that fail: expected 6\.25 %, observed 5\.58 % of 860 \(allowed: 3.02 to 10 %\)$/)
  expect(checkText(judge({ id: 'x', name: 'answers', expected: all }, { count: 1049, of: 1050 }, 1))).toBe('answers: expected all, observed 1,049 of 1,050')
  expect(checkText(judge({ id: 'x', name: 'answers', expected: none }, { count: 2, of: 100 }, 1))).toBe('answers: expected none, observed 2 of 100')
  expect(checkText(judge({ id: 'x', name: 'answers', expected: all }, { count: 0, of: 0 }, 1))).toBe('answers: there were none')
})
