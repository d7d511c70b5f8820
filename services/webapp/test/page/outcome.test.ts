import { expect, test } from 'vitest'
import { duration, legendKeyOf, nth, outcomeOf, wordsFor } from '../../public/static/page/outcome.js'

const FAILED = 'error calling Catalog service'
const CATALOG = { 'x-served-by': 'catalog-7', 'x-served-version': 'v2' }
const outcome = (status: number, headers: Record<string, string> = {}, body = '', gaveUp = false) => outcomeOf({ status, headers: new Headers(headers), body, gaveUp }, 12.4, 'Catalog')

test.each<[string, ReturnType<typeof outcome>, object]>([
  ['an answer of the catalog', outcome(200, CATALOG, '[]'), { kind: 'ok', asked: true, answeredBy: 'service', version: 'v2', pod: 'catalog-7', attempt: undefined }],
  ['one of a later try', outcome(200, { ...CATALOG, 'x-attempt': '3' }), { kind: 'ok', attempt: 3 }],
  ['one that a fault slowed down', outcome(200, { ...CATALOG, 'x-chaos': 'latency' }), { kind: 'slowed', fault: 'latency', version: 'v2' }],
  ['an injected failure', outcome(500, { ...CATALOG, 'x-chaos': '500', 'proxy-status': 'outfitters; received-status=500' }, FAILED), { kind: 'fault', asked: true, answeredBy: 'service', version: 'v2' }],
  ['an injected 504', outcome(500, { ...CATALOG, 'x-chaos': 'abort', 'proxy-status': 'outfitters; received-status=504' }, FAILED), { kind: 'fault' }],
  ['a failure of its own that a fault delayed', outcome(500, { ...CATALOG, 'x-chaos': 'latency', 'proxy-status': 'outfitters; received-status=500' }, FAILED), { kind: 'error', fault: 'latency' }],
  ['a failure of its own', outcome(500, { ...CATALOG, 'proxy-status': 'outfitters; received-status=500' }, FAILED), { kind: 'error', version: 'v2' }],
  ['a catalog that is not there', outcome(500, { 'proxy-status': 'outfitters; error=destination_unavailable' }, FAILED), { kind: 'dropped', asked: true, answeredBy: 'webapp', version: undefined }],
  ['a connection to it that its proxy saw break', outcome(500, { 'proxy-status': 'outfitters; received-status=503' }, FAILED), { kind: 'dropped' }],
  ['a catalog that is too late for the webapp', outcome(500, { 'proxy-status': 'outfitters; error=http_response_timeout' }, FAILED), { kind: 'timeout', asked: true }],
  ['a catalog that is too late for its proxy', outcome(500, { 'proxy-status': 'outfitters; received-status=504' }, FAILED), { kind: 'timeout' }],
  ['a call that the mesh forbids', outcome(500, { 'proxy-status': 'outfitters; received-status=403' }, FAILED), { kind: 'error', answeredBy: 'webapp' }],
  ['a fault of the webapp', outcome(500, { 'x-served-by': 'webapp-1', 'x-served-version': 'v1', 'x-chaos': '500' }), { kind: 'fault', asked: false, answeredBy: 'webapp', version: undefined, pod: 'webapp-1' }],
  ['a gateway that finds no webapp', outcome(503, {}, 'no healthy upstream'), { kind: 'dropped', asked: false, answeredBy: 'proxy' }],
  ['a gateway that is out of patience', outcome(504, {}, 'upstream request timeout'), { kind: 'timeout', answeredBy: 'proxy' }],
  ['a gateway without a route', outcome(404), { kind: 'error', answeredBy: 'proxy', asked: false }],
  ['no answer', outcome(0), { kind: 'dropped', answeredBy: 'nobody' }],
  ['a page that is out of patience', outcome(0, {}, '', true), { kind: 'timeout', asked: true, answeredBy: 'nobody' }]
])('%s', (_name, found, expected) => {
  expect(found).toMatchObject(expected)
})

test('an outcome in words has all that is known, and nothing else', () => {
  expect(wordsFor(outcome(200, { ...CATALOG, 'x-attempt': '3' }))).toEqual(['ok', 'v2', '200', '12 ms', 'pod catalog-7', 'third try'])
  expect(wordsFor(outcome(500, { ...CATALOG, 'x-chaos': 'latency,500', 'proxy-status': 'outfitters; received-status=500' }, FAILED))).toEqual(['injected fault', 'v2', '500', '12 ms', 'pod catalog-7', 'injected: latency, 500', 'the webapp got 500'])
  expect(wordsFor(outcome(503))).toEqual(['no pod answered (503)', '503', '12 ms', 'answered by a proxy'])
  expect(wordsFor(outcome(500, { 'proxy-status': 'outfitters; received-status=503' }, FAILED))).toEqual(['no pod answered (503)', '500', '12 ms', 'the webapp got 503'])
  expect(wordsFor(outcome(500, { 'proxy-status': 'outfitters; error=destination_unavailable' }, FAILED))).toEqual(['dropped, no answer', '500', '12 ms', 'destination unavailable'])
  expect(wordsFor(outcome(0))).toEqual(['dropped, no answer', '12 ms'])
})

test('what is ok stands under its version, the rest under its kind', () => {
  expect([outcome(200, CATALOG), outcome(200, { ...CATALOG, 'x-served-version': 'canary' }), outcome(200, { ...CATALOG, 'x-chaos': 'latency' }), outcome(0)].map(legendKeyOf)).toEqual(['v2', 'v-other', 'slowed', 'dropped'])
})

test('numbers are said as people say them', () => {
  expect([nth(1), nth(3), nth(11), duration(999), duration(1250)]).toEqual(['first', 'third', '11th', '999 ms', '1.3 s'])
})
