import fc from 'fast-check'
import { expect, test } from 'vitest'
import { callerIdentity, headersForOutside, propagatedHeaders, traceIdOf } from '../src/propagation.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'

/** The headers of two other tracers that Istio supports, SkyWalking and OpenCensus. */
const TRACERS = {
  sw8: '1-YQ==-YQ==-1-YQ==-YQ==-YQ==-YQ==',
  'sw8-correlation': 'YQ==:Yg==',
  'sw8-x': '0-1764249000000',
  'grpc-trace-bin': 'AABL'
}

test('headers of SkyWalking and OpenCensus are forwarded like those of W3C and B3', () => {
  expect(propagatedHeaders(TRACERS)).toEqual(TRACERS)
})

test('only the trace and the request id leave the mesh', () => {
  const leaving = {
    'x-request-id': 'r1',
    traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
    tracestate: 'a=1',
    b3: `${TRACE}-00f067aa0ba902b7-1`,
    'x-b3-traceid': TRACE,
    'x-b3-spanid': '00f067aa0ba902b7',
    'x-b3-parentspanid': '00f067aa0ba902b6',
    'x-b3-sampled': '1',
    'x-b3-flags': '0'
  }
  expect(headersForOutside({
    ...leaving,
    ...TRACERS,
    authorization: 'Bearer abc',
    baggage: 'customer=7',
    'x-b3-other': '1',
    'x-forwarded-for': '10.0.0.9'
  })).toEqual(leaving)
  expect(headersForOutside({})).toEqual({})
})

test('a header with any name leaves the mesh only if it is on the list', () => {
  const name = fc.stringMatching(/^(x-|sw8)?[a-z0-9-]{1,30}$/)
  fc.assert(fc.property(fc.dictionary(name, fc.string()), headers => {
    const allowed = /^(x-request-id|traceparent|tracestate|b3|x-b3-(traceid|spanid|parentspanid|sampled|flags))$/
    expect(Object.keys(headersForOutside(headers)).filter(found => !allowed.test(found))).toEqual([])
  }), { seed: 1, numRuns: 500 })
})

test('every x-* header, authorization and the trace contexts are forwarded; others, such as cookies, are not', () => {
  expect(propagatedHeaders({
    host: 'webapp',
    cookie: 'session=1',
    accept: '*/*',
    'content-type': 'text/plain',
    'content-length': '3',
    connection: 'keep-alive',
    authorization: 'Bearer abc',
    'x-dark-launch': 'v2',
    'x-istio-cohort': 'internal',
    'x-request-id': 'r1',
    'x-b3-traceid': TRACE,
    'x-forwarded-for': '10.0.0.9',
    traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
    tracestate: 'a=1',
    baggage: 'user=7',
    b3: `${TRACE}-00f067aa0ba902b7-1`
  })).toEqual({
    authorization: 'Bearer abc',
    'x-dark-launch': 'v2',
    'x-istio-cohort': 'internal',
    'x-request-id': 'r1',
    'x-b3-traceid': TRACE,
    'x-forwarded-for': '10.0.0.9',
    traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
    tracestate: 'a=1',
    baggage: 'user=7',
    b3: `${TRACE}-00f067aa0ba902b7-1`
  })
})

test('an x-* header with any name and value is forwarded unchanged, and no header is added', () => {
  const name = fc.stringMatching(/^x-[a-z0-9-]{1,30}$/)
  fc.assert(fc.property(fc.dictionary(name, fc.string()), headers => {
    expect(propagatedHeaders({ ...headers, cookie: 'a=b' })).toEqual({ ...headers })
  }), { seed: 1, numRuns: 500 })
})

test.each([
  ['traceparent', { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` }],
  ['b3', { b3: `${TRACE}-00f067aa0ba902b7-1` }],
  ['x-b3-traceid', { 'x-b3-traceid': TRACE }],
  ['traceparent before b3', {
    traceparent: `00-${TRACE}-00f067aa0ba902b7-01`, b3: '0000000000000001-0000000000000001-1'
  }]
])('the trace id is read from %s', (_name, headers) => {
  expect(traceIdOf(headers)).toBe(TRACE)
})

test('a trace id of 64 bits is padded to 32 digits, as in a span', () => {
  const short = '463ac35c9f6413ad'
  for (const headers of [{ b3: `${short}-00f067aa0ba902b7-1` }, { 'x-b3-traceid': short }]) {
    expect(traceIdOf(headers)).toBe(`0000000000000000${short}`)
  }
})

test.each([
  'URI=', 'URI="', '"', ';', 'a', '\\', ',URI'
])('an x-forwarded-client-cert that repeats %s is read within a second of CPU time', piece => {
  const header = piece.repeat(16_000 / piece.length)
  const start = process.cpuUsage()
  callerIdentity({ 'x-forwarded-client-cert': header })
  expect(process.cpuUsage(start).user / 1e6).toBeLessThan(1) // a pattern that backtracks takes minutes
})

test.each([
  [{}],
  [{ traceparent: 'nonsense' }],
  [{ b3: '0' }],
  [{ 'x-b3-traceid': 'DROP TABLE' }],
  [{ traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` }],
  [{ traceparent: `ff-${TRACE}-00f067aa0ba902b7-01` }],
  [{ b3: `${'0'.repeat(32)}-00f067aa0ba902b7` }],
  [{ 'x-b3-traceid': '0'.repeat(16) }]
])('%j has no trace id', headers => {
  expect(traceIdOf(headers)).toBeUndefined()
})

test("the caller is the URI in the nearest proxy's element of x-forwarded-client-cert", () => {
  const identityIn = (header: string) => callerIdentity({ 'x-forwarded-client-cert': header })
  const webapp = 'spiffe://cluster.local/ns/shop/sa/webapp'
  const one = `By=spiffe://cluster.local/ns/shop/sa/catalog;Hash=abc;Subject="";URI=${webapp}`
  expect(identityIn(one)).toBe(webapp)
  expect(identityIn(`By=x;URI=spiffe://forged,${one}`)).toBe(webapp)
  expect(identityIn(`${one},By=x;Hash=y`)).toBeUndefined()
  const quoted = 'By=x;Subject="CN=a,URI=spiffe://forged;URI=spiffe://forged";URI=spiffe://real;DNS="a,b"'
  expect(identityIn(quoted)).toBe('spiffe://real')
  expect(callerIdentity({})).toBeUndefined()
})
