import { expect, test } from 'vitest'
import { duration, legendKeyOf, nth, outcomeOf, wordsFor } from '../../public/static/page/outcome.js'

const FAILED = 'error calling Catalog service'
const CATALOG = { 'x-served-by': 'catalog-7', 'x-served-version': 'v2' }
const outcome = (status: number, headers: Record<string, string> = {}, body = '', timedOut = false) =>
  outcomeOf({ status, headers: new Headers(headers), body, timedOut }, 12.4, 'Catalog')
/** An answer of the webapp after the catalog failed. */
const failed = (proxyStatus: string, headers: Record<string, string> = {}) =>
  outcome(500, { ...headers, 'proxy-status': `outfitters; ${proxyStatus}` }, FAILED)

test.each<[string, ReturnType<typeof outcome>, object]>([
  ['an answer of the catalog', outcome(200, CATALOG, '[]'), {
    kind: 'ok',
    calledService: true,
    answeredBy: 'service',
    version: 'v2',
    pod: 'catalog-7',
    attempt: undefined
  }],
  ['an answer to the third attempt', outcome(200, { ...CATALOG, 'x-attempt': '3' }), { kind: 'ok', attempt: 3 }],
  [
    'a success that a fault delayed',
    outcome(200, { ...CATALOG, 'x-chaos': 'latency' }),
    { kind: 'slowed', fault: 'latency', version: 'v2' }
  ],
  [
    'an injected 500',
    failed('received-status=500', { ...CATALOG, 'x-chaos': '500' }),
    { kind: 'fault', calledService: true, answeredBy: 'service', version: 'v2' }
  ],
  ['an injected 504', failed('received-status=504', { ...CATALOG, 'x-chaos': 'abort' }), { kind: 'fault' }],
  [
    "the catalog's own error, delayed by a fault",
    failed('received-status=500', { ...CATALOG, 'x-chaos': 'latency' }),
    { kind: 'error', fault: 'latency' }
  ],
  ["the catalog's own error", failed('received-status=500', CATALOG), { kind: 'error', version: 'v2' }],
  [
    'a catalog that is not reachable',
    failed('error=destination_unavailable'),
    { kind: 'dropped', calledService: true, answeredBy: 'webapp', version: undefined }
  ],
  ['a broken connection between the proxy and the catalog', failed('received-status=503'), { kind: 'dropped' }],
  ["the webapp's timeout", failed('error=http_response_timeout'), { kind: 'timeout', calledService: true }],
  ["the proxy's timeout", failed('received-status=504'), { kind: 'timeout' }],
  ['a call that the mesh forbids', failed('received-status=403'), { kind: 'error', answeredBy: 'webapp' }],
  [
    'a fault of the webapp',
    outcome(500, { 'x-served-by': 'webapp-1', 'x-served-version': 'v1', 'x-chaos': '500' }),
    { kind: 'fault', calledService: false, answeredBy: 'webapp', version: undefined, pod: 'webapp-1' }
  ],
  [
    'a gateway without a healthy webapp',
    outcome(503, {}, 'no healthy upstream'),
    { kind: 'dropped', calledService: false, answeredBy: 'proxy' }
  ],
  ["the gateway's timeout", outcome(504, {}, 'upstream request timeout'), { kind: 'timeout', answeredBy: 'proxy' }],
  ['a gateway without a route', outcome(404), { kind: 'error', answeredBy: 'proxy', calledService: false }],
  ['no answer', outcome(0), { kind: 'dropped', answeredBy: 'none' }],
  ["the page's own limit", outcome(0, {}, '', true), { kind: 'dropped', calledService: true, answeredBy: 'none' }]
])('the outcome of %s', (_name, found, expected) => {
  expect(found).toMatchObject(expected)
})

test('an outcome in words holds all that the answer shows', () => {
  expect(wordsFor(outcome(200, { ...CATALOG, 'x-attempt': '3' })))
    .toEqual(['ok', 'v2', '200', '12 ms', 'pod catalog-7', 'third try'])
  expect(wordsFor(failed('received-status=500', { ...CATALOG, 'x-chaos': 'latency,500' }))).toEqual([
    'injected fault', 'v2', '500', '12 ms', 'pod catalog-7', 'injected: latency, 500'
  ])
  expect(wordsFor(failed('received-status=429', { ...CATALOG, 'x-chaos': 'abort' }))).toEqual([
    'injected fault', 'v2', '429', '12 ms', 'pod catalog-7', 'injected: abort', 'the webapp answered 500'
  ])
  expect(wordsFor(outcome(503))).toEqual(['no pod answered (503)', '503', '12 ms', 'answered by a proxy'])
  expect(wordsFor(failed('received-status=503')))
    .toEqual(['no pod answered (503)', '503', '12 ms', 'the webapp answered 500'])
  expect(wordsFor(failed('error=destination_unavailable')))
    .toEqual(['no answer', '500', '12 ms', 'destination unavailable'])
  expect(wordsFor(outcome(0))).toEqual(['no answer', '12 ms'])
  expect(wordsFor(outcome(0, {}, '', true))).toEqual(["no answer within 5 s (the page's own limit)", '12 ms'])
})

test('the legend lists successes by version and other outcomes by kind', () => {
  const outcomes = [
    outcome(200, CATALOG),
    outcome(200, { ...CATALOG, 'x-served-version': 'canary' }),
    outcome(200, { ...CATALOG, 'x-chaos': 'latency' }),
    outcome(0)
  ]
  expect(outcomes.map(legendKeyOf)).toEqual(['v2', 'v-other', 'slowed', 'dropped'])
})

test('ordinals and durations are easy to read', () => {
  expect([nth(1), nth(3), nth(11)]).toEqual(['first', 'third', '11th'])
  expect([duration(999), duration(1250)]).toEqual(['999 ms', '1.3 s'])
})
