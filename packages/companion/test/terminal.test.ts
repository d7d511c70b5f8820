import { expect, test } from 'vitest'
import { checkText } from '../src/judge/figures.ts'
import { about, all, judge, none, type Expected } from '../src/judge/statistics.ts'
import { Tally } from '../src/judge/tally.ts'
import { combine } from '../src/report/combine.ts'
import { silent, type Reporter } from '../src/run/reporter.ts'

test('a tally counts by status, version, pod and attempt, and marks injected faults', () => {
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

test('a check is shown with what was expected, what was observed, of how many, and the allowed range', () => {
  const judged = (name: string, expected: Expected, count: number, of: number, falseAlarm = 1) =>
    checkText(judge({ id: 'x', name, expected }, { count, of }, falseAlarm))
  expect(judged('calls that fail', about(1 / 16, { tellFrom: [1 / 8] }), 48, 860, 2.5e-5))
    .toMatch(/^calls that fail: expected 6\.25 %, observed 5\.58 % of 860 \(allowed: \d.* to \d.* %\)$/)
  expect(judged('answers', all, 1049, 1050)).toBe('answers: expected all, observed 1,049 of 1,050')
  expect(judged('answers', none, 2, 100)).toBe('answers: expected none, observed 2 of 100')
  expect(judged('answers', all, 0, 0)).toBe('answers: there were none')
})

test('combined reporters receive every call, and each step waits for all of them', async () => {
  const received: string[] = []
  const reporter = (name: string): Reporter => ({
    ...silent,
    note: text => { received.push(`${name}: ${text}`) },
    step: async (_, says) => { received.push(`${name}: ${says}`) }
  })
  const both = combine(reporter('a'), reporter('b'))
  both.note('begin')
  await both.step({ kind: 'fault', id: 'fault', says: 'Fail.', arguments: [] }, 'Fail.')
  expect(received).toEqual(['a: begin', 'b: begin', 'a: Fail.', 'b: Fail.'])
  expect(Object.keys(both).sort()).toEqual(Object.keys(silent).sort())
})
