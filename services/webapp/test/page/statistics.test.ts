import { expect, test } from 'vitest'
import { percent, percents } from '../../public/static/page/charts.js'
import { outcomeOf } from '../../public/static/page/outcome.js'
import { History, quantile } from '../../public/static/page/statistics.js'

type Outcome = ReturnType<typeof outcomeOf>
const FAILED = 'error calling Catalog service'
const ok = (version: string, ms = 1, extra: Record<string, string> = {}) => {
  const headers = new Headers({ 'x-served-by': 'p', 'x-served-version': version, ...extra })
  return outcomeOf({ status: 200, headers, body: '' }, ms, 'Catalog')
}
const broken = outcomeOf({ status: 500, headers: new Headers(), body: FAILED }, 3, 'Catalog')
const gaveUp = outcomeOf({ status: 0, headers: new Headers(), body: '', timedOut: true }, 5000, 'Catalog')
const noWebapp = outcomeOf({ status: 0, headers: new Headers(), body: '' }, 2, 'Catalog')

/** A history of requests: when each was sent, and its outcome; undefined while it is in flight. */
function historyOf (...requests: [at: number, outcome: Outcome | undefined][]): History {
  const history = new History(0)
  requests.forEach(([at, outcome], number) => {
    history.sent({ number, at, header: undefined })
    if (outcome !== undefined) history.answered({ number, at, header: undefined }, outcome)
  })
  return history
}

test('calls that no pod answered are a version of their own, and the shares are those of all calls', () => {
  const outcomes = [ok('v1', 10), ok('v1', 20), ok('v2', 30), broken, gaveUp, noWebapp]
  const summary = historyOf(...outcomes.map((outcome): [number, Outcome] => [500, outcome])).recent(2000)
  expect(summary).toMatchObject({
    n: 6,
    perSecond: 3,
    calls: 5,
    fromWebapp: 4,
    versions: [
      { version: 'v1', n: 2, share: 0.4, failed: 0, p50: 10 },
      { version: 'v2', n: 1, share: 0.2, failed: 0, p50: 30 },
      { version: 'no pod', n: 2, share: 0.4, failed: 2 }
    ],
    success: 0.5,
    shares: { ok: 0.5, error: 1 / 6, dropped: 1 / 3 },
    p95: 30, // neither the page's own timeout nor a broken connection is a latency
    gaveUp: 1
  })
})

test('tries are the sum of the attempts, and unknown if no proxy counts them', () => {
  const tries = (...outcomes: Outcome[]) =>
    historyOf(...outcomes.map((outcome): [number, Outcome] => [500, outcome])).recent(1000).triesPerSecond
  expect(tries(ok('v1', 1, { 'x-attempt': '3' }), ok('v2', 1, { 'x-attempt': '1' }), broken)).toBe(5)
  expect(tries(ok('v1'), broken)).toBeUndefined()
})

test('the recent figures count requests that were sent in the last eight seconds', () => {
  const history = historyOf([1000, broken], [8000, ok('v1')])
  expect(history.recent(8900)).toMatchObject({ n: 2, success: 0.5 })
  expect(history.recent(9001)).toMatchObject({ n: 1, success: 1 })
  expect(history.recent(30_000)).toMatchObject({ n: 0, perSecond: 0 })
  expect(history.minute(30_000).n).toBe(2)
})

test('a request that was sent before a change, and hung, does not distort the figures after it', () => {
  const history = historyOf([1000, undefined], [9000, ok('v1')])
  history.answered({ number: 0, at: 1000, header: undefined }, gaveUp)
  expect(history.recent(9500)).toMatchObject({ n: 1, success: 1, gaveUp: 0 })
})

test('while half of the requests hang, the figures do not count only the other half', () => {
  const history = historyOf([1000, ok('v2')], [1100, gaveUp], [6200, undefined], [6300, ok('v2')])
  expect(history.recent(6500)).toMatchObject({ n: 2, success: 0.5 })
  const [last] = history.series(6500, 30).slice(-1)
  expect(last).toMatchObject({ n: 0 })
  expect(history.recent(10_500)).toMatchObject({ n: 2, success: 0.5 }) // nothing newer is known
  history.answered({ number: 2, at: 6200, header: undefined }, gaveUp)
  expect(history.recent(11_300)).toMatchObject({ n: 2, success: 0.5 })
})

test('outcomes are forgotten after a minute', () => {
  const history = historyOf([0, ok('v1')], [30_000, ok('v2')])
  expect(history.minute(59_999).n).toBe(2)
  expect(history.minute(60_000).versions.map(({ version }) => version)).toEqual(['v2'])
  expect(history.minute(90_000)).toMatchObject({ n: 0, versions: [], success: NaN, p95: NaN })
})

test('each piece of the minute counts its own outcomes, and the newest piece comes last', () => {
  const history = historyOf(...[61_000, 100_000, 118_500, 119_900].map((at): [number, Outcome] => [at, ok('v1')]))
  const series = history.series(119_950, 30)
  expect(series.map(({ n }) => n)).toEqual([1, ...Array(18).fill(0), 0, 1, ...Array(8).fill(0), 2])
})

test('quantiles use the nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1)
  expect([quantile(hundred, 0.5), quantile(hundred, 0.95)]).toEqual([50, 95])
  expect([quantile([7], 0.95), quantile([], 0.5)]).toEqual([7, NaN])
})

test('only a share of 1 reads as 100 %, and only 0 as 0 %', () => {
  expect([1, 0.9996, 0.996, 0.5, 1 / 340, 0.0001, 0].map(percent))
    .toEqual(['100 %', '99.9 %', '99.6 %', '50 %', '0.3 %', '0.1 %', '0 %'])
})

test('percentages beside each other add up to 100', () => {
  expect(percents([0.875, 0.125])).toEqual(['88 %', '12 %'])
  expect(percents([1 / 3, 1 / 3, 1 / 3])).toEqual(['34 %', '33 %', '33 %'])
  expect(percents([0, 1])).toEqual(['0 %', '100 %'])
  expect(percents([0.997, 0.003])).toEqual(['99.7 %', '0.3 %'])
  expect(percents([])).toEqual([])
})
