import { expect, test } from 'vitest'
import { percent } from '../../public/static/page/charts.js'
import { outcomeOf } from '../../public/static/page/outcome.js'
import { LastMinute, quantile } from '../../public/static/page/statistics.js'

const ok = (version: string, ms: number, extra: Record<string, string> = {}) => {
  const headers = new Headers({ 'x-served-by': 'p', 'x-served-version': version, ...extra })
  return outcomeOf({ status: 200, headers, body: '' }, ms, 'Catalog')
}
const lost = (ms: number) => outcomeOf({ status: 0, headers: new Headers(), body: '' }, ms, 'Catalog')

test('shares of versions count answers that name a version; success and latency count all requests', () => {
  const minute = new LastMinute()
  const outcomes = [ok('v1', 10), ok('v1', 20), ok('v2', 30, { 'x-attempt': '2' }), lost(1000)]
  for (const outcome of outcomes) minute.add(outcome, 500)
  expect(minute.summary(1000)).toMatchObject({
    n: 4,
    versions: [{ version: 'v1', n: 2, share: 2 / 3 }, { version: 'v2', n: 1, share: 1 / 3 }],
    success: 0.75,
    injected: 0,
    failed: 0.25,
    retried: 0.25,
    p50: 20,
    p95: 1000,
    byKey: { v1: 2, v2: 1, dropped: 1 }
  })
})

test('outcomes are forgotten after a minute', () => {
  const minute = new LastMinute()
  minute.add(ok('v1', 1), 0)
  minute.add(ok('v2', 1), 30_000)
  expect(minute.summary(59_999).n).toBe(2)
  expect(minute.summary(60_000).versions.map(({ version }) => version)).toEqual(['v2'])
  expect(minute.summary(90_000)).toMatchObject({ n: 0, versions: [], success: NaN, p50: NaN })
})

test('each piece of the minute counts its own outcomes, and the newest piece comes last', () => {
  const minute = new LastMinute()
  for (const at of [61_000, 100_000, 118_500, 119_900]) minute.add(ok('v1', at), at)
  const series = minute.series(119_950, 30)
  expect(series.map(({ n }) => n)).toEqual([1, ...Array(18).fill(0), 0, 1, ...Array(8).fill(0), 2])
})

test('quantiles use the nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1)
  expect([quantile(hundred, 0.5), quantile(hundred, 0.95)]).toEqual([50, 95])
  expect([quantile([7], 0.95), quantile([], 0.5)]).toEqual([7, NaN])
})

test('only a share of 1 reads as 100 %', () => {
  expect([1, 0.9996, 0.996, 0.5, 0].map(percent)).toEqual(['100 %', '99.9 %', '99.6 %', '50 %', '0 %'])
})
