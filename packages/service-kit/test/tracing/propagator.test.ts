import { ROOT_CONTEXT, trace, TraceFlags, type SpanContext } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { propagatorFor } from '../../src/tracing/propagator.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const OTHER = 'ffffffffffffffffffffffffffffffff'
const OURS: SpanContext = { traceId: TRACE, spanId: 'aaaaaaaaaaaaaaaa', traceFlags: TraceFlags.SAMPLED }

const extract = (headers: Record<string, unknown>, configured?: string) =>
  trace.getSpanContext(propagatorFor(configured).extract(ROOT_CONTEXT, headers))
const inject = (headers: Record<string, unknown>, configured?: string, span = OURS) => {
  propagatorFor(configured).inject(trace.setSpanContext(ROOT_CONTEXT, span), headers)
  return headers
}

describe('a trace is read from', () => {
  test.each([
    ['W3C', { traceparent: `00-${TRACE}-${SPAN}-01` }],
    ['B3 in one header', { b3: `${TRACE}-${SPAN}-1` }],
    ['B3 in several', { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': '1' }],
    ['W3C rather than a different trace in B3', {
      traceparent: `00-${TRACE}-${SPAN}-01`, b3: `${OTHER}-${SPAN}-0`, 'x-b3-traceid': OTHER, 'x-b3-spanid': SPAN
    }],
    ['B3 if the header of W3C is invalid', { traceparent: '00-0-0-01', b3: `${TRACE}-${SPAN}-1` }]
  ])('%s', (_, headers) => {
    expect(extract(headers)).toMatchObject({ traceId: TRACE, spanId: SPAN, traceFlags: TraceFlags.SAMPLED })
  })

  test('each format with its sampling decision', () => {
    const unsampled = [
      { traceparent: `00-${TRACE}-${SPAN}-00` },
      { b3: `${TRACE}-${SPAN}-0` },
      { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': '0' }
    ]
    for (const headers of unsampled) {
      expect(extract(headers)).toMatchObject({ traceFlags: TraceFlags.NONE })
    }
  })

  test('none of the headers if they are missing or invalid', () => {
    expect(extract({})).toBeUndefined()
    expect(extract({ traceparent: 'x', b3: 'y', 'x-b3-traceid': 'z' })).toBeUndefined()
  })
})

describe('a call has', () => {
  test('W3C and every format that came in, all with our span', () => {
    expect(inject({})).toEqual({ traceparent: `00-${TRACE}-aaaaaaaaaaaaaaaa-01` })
    expect(inject({
      traceparent: `00-${OTHER}-${SPAN}-00`,
      tracestate: 'vendor=of-another-span',
      b3: `${OTHER}-${SPAN}-0`,
      'x-b3-traceid': OTHER,
      'x-b3-spanid': SPAN,
      'x-b3-parentspanid': SPAN,
      'x-b3-sampled': '0',
      'x-b3-flags': '1',
      'x-dark-launch': 'v2'
    })).toEqual({
      traceparent: `00-${TRACE}-aaaaaaaaaaaaaaaa-01`,
      b3: `${TRACE}-aaaaaaaaaaaaaaaa-1`,
      'x-b3-traceid': TRACE,
      'x-b3-spanid': 'aaaaaaaaaaaaaaaa',
      'x-b3-sampled': '1',
      'x-dark-launch': 'v2'
    })
  })

  test('the tracestate of the trace that it continues', () => {
    const propagator = propagatorFor()
    const headers = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'vendor=1', baggage: 'customer=7' }
    propagator.inject(propagator.extract(ROOT_CONTEXT, headers), headers)
    expect(headers).toMatchObject({ tracestate: 'vendor=1', baggage: 'customer=7' })
  })
})

test('OTEL_PROPAGATORS decides which formats go out, besides those that came in', () => {
  expect(inject({}, 'b3')).toEqual({ b3: `${TRACE}-aaaaaaaaaaaaaaaa-1` })
  expect(inject({}, 'b3multi')).toEqual({
    'x-b3-traceid': TRACE, 'x-b3-spanid': 'aaaaaaaaaaaaaaaa', 'x-b3-sampled': '1'
  })
  expect(inject({ traceparent: `00-${OTHER}-${SPAN}-01` }, 'b3')).toEqual({
    traceparent: `00-${TRACE}-aaaaaaaaaaaaaaaa-01`, b3: `${TRACE}-aaaaaaaaaaaaaaaa-1`
  })
  expect(inject({}, 'none')).toEqual({})
  expect(inject({}, 'tracecontext, baggage, nonsense')).toEqual({
    traceparent: `00-${TRACE}-aaaaaaaaaaaaaaaa-01`
  })
  expect(extract({ b3: `${TRACE}-${SPAN}-1` }, 'b3')).toMatchObject({ traceId: TRACE })
})

test.each(['tracecontext,baggage', 'b3', 'b3multi', 'none'].flatMap(configured => [
  [configured, 'traceparent', `00-${TRACE}-${SPAN}-01`],
  [configured, 'b3', `${TRACE}-${SPAN}-1`]
]))('with OTEL_PROPAGATORS=%s, a trace that came in by %s continues', (configured, name, value) => {
  const propagator = propagatorFor(configured)
  const headers: Record<string, unknown> = { [name]: value }
  propagator.inject(propagator.extract(ROOT_CONTEXT, headers), headers)
  expect(headers[name]).toBe(value)
})
