// B3 headers of requests and of the calls that follow, by the specification at github.com/openzipkin/b3-propagation.
import { ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { describe, expect, test } from 'vitest'
import { propagatorFor } from '../../src/tracing/propagator.ts'
import { samplerFor } from '../../src/tracing/sampler.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const OTHER = 'ffffffffffffffffffffffffffffffff'

type Headers = Record<string, string>
const several = (headers: Headers) => ({ 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, ...headers })

interface Options {
  sampler?: string
  propagators?: string
}

/** Serves a request and makes a call; returns our span, its parent, and the headers of the call. */
function serve (headers: Headers, { sampler, propagators }: Options = {}) {
  const exporter = new InMemorySpanExporter()
  const spanProcessors = [new SimpleSpanProcessor({ exporter })]
  const provider = new TracerProvider({ sampler: samplerFor(sampler), spanProcessors })
  const propagator = propagatorFor(propagators)
  const parent = propagator.extract(ROOT_CONTEXT, headers)
  const span = provider.getTracer('test').startSpan('GET', {}, parent)
  const sent: Headers = { ...headers }
  propagator.inject(trace.setSpan(parent, span), sent)
  span.end()
  const { traceId, spanId } = span.spanContext()
  const isSampled = exporter.getFinishedSpans().length === 1
  return { traceId, spanId, sent, parent: trace.getSpanContext(parent)?.spanId, isSampled }
}

describe('a decision without a trace decides about the trace that begins here', () => {
  test.each<[Headers, boolean]>([
    [{ b3: '0' }, false],
    [{ b3: '1' }, true],
    [{ b3: 'd' }, true],
    [{ 'x-b3-sampled': '0' }, false],
    [{ 'x-b3-sampled': 'false' }, false],
    [{ 'x-b3-sampled': '1' }, true],
    [{ 'x-b3-sampled': 'true' }, true],
    [{ 'x-b3-flags': '1' }, true],
    [{ 'x-b3-flags': '1', 'x-b3-sampled': '0' }, true]
  ])('%j', (headers, isSampled) => {
    for (const sampler of ['parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio']) {
      const served = serve(headers, { sampler })
      expect([served.isSampled, served.parent]).toEqual([isSampled, undefined])
      expect(served.sent['traceparent']).toBe(`00-${served.traceId}-${served.spanId}-0${isSampled ? 1 : 0}`)
    }
  })

  test('a sampler that ignores parents ignores the decision too', () => {
    expect(serve({ b3: '0' }, { sampler: 'always_on' }).isSampled).toBe(true)
    expect(serve({ b3: '1' }, { sampler: 'always_off' }).isSampled).toBe(false)
  })
})

describe('a trace without a decision continues, and our sampler decides', () => {
  const samplers = [['parentbased_always_on', true], ['parentbased_always_off', false]] as const

  test.each<[Headers]>([
    [{ b3: `${TRACE}-${SPAN}` }],
    [several({})],
    [several({ 'x-b3-parentspanid': OTHER.slice(16) })],
    [several({ 'x-b3-sampled': 'constructor' })]
  ])('%j', headers => {
    for (const [sampler, isSampled] of samplers) {
      const served = serve(headers, { sampler })
      expect(served).toMatchObject({ traceId: TRACE, parent: SPAN, isSampled })
      expect(served.sent['b3'] ?? served.sent['x-b3-sampled']).toMatch(isSampled ? /1$/ : /0$/)
    }
  })
})

describe('a format that came in goes out with our span', () => {
  const ours = (id: string, headers: Headers) => ({ 'x-b3-traceid': TRACE, 'x-b3-spanid': id, ...headers })

  test.each<[Headers, (id: string) => Headers]>([
    [{ b3: `${TRACE}-${SPAN}-1-${SPAN}` }, id => ({ b3: `${TRACE}-${id}-1` })],
    [{ b3: `${TRACE}-${SPAN}-0` }, id => ({ b3: `${TRACE}-${id}-0` })],
    [{ b3: `${TRACE}-${SPAN}-d` }, id => ({ b3: `${TRACE}-${id}-d` })],
    [{ b3: `${SPAN}-${SPAN}-1` }, id => ({ b3: `${SPAN.padStart(32, '0')}-${id}-1` })],
    [several({ 'x-b3-sampled': '1', 'x-b3-parentspanid': SPAN }), id => ours(id, { 'x-b3-sampled': '1' })],
    [several({ 'x-b3-sampled': 'false' }), id => ours(id, { 'x-b3-sampled': '0' })],
    [several({ 'x-b3-flags': '1', 'x-b3-sampled': '0' }), id => ours(id, { 'x-b3-flags': '1' })],
    [
      { b3: 'nonsense', ...several({ 'x-b3-sampled': '1' }) },
      id => ours(id, { b3: `${TRACE}-${id}-1`, 'x-b3-sampled': '1' })
    ],
    [
      { b3: `${'0'.repeat(32)}-${SPAN}-1`, ...several({ 'x-b3-sampled': '0' }) },
      id => ours(id, { b3: `${TRACE}-${id}-0`, 'x-b3-sampled': '0' })
    ],
    [
      { b3: `${TRACE}-${SPAN}-0`, ...several({ 'x-b3-traceid': OTHER, 'x-b3-sampled': '1' }) },
      id => ours(id, { b3: `${TRACE}-${id}-0`, 'x-b3-sampled': '0' })
    ]
  ])('%j', (headers, expected) => {
    const { spanId, sent } = serve(headers, { propagators: 'none' })
    expect(sent).toEqual(expected(spanId))
    const withW3C = serve(headers)
    const traceparent = `00-${withW3C.traceId}-${withW3C.spanId}-0${Number(withW3C.isSampled)}`
    expect(withW3C.sent).toEqual({ ...expected(withW3C.spanId), traceparent })
  })

  test.each([
    'x-b3-sampled', 'x-b3-flags', 'x-b3-spanid', 'x-b3-parentspanid'
  ])('%s without the others counts as B3 in several headers', name => {
    const { traceId, spanId, sent } = serve({ [name]: '1' }, { propagators: 'none' })
    const decision = name === 'x-b3-flags' ? name : 'x-b3-sampled'
    expect(sent).toEqual({ 'x-b3-traceid': traceId, 'x-b3-spanid': spanId, [decision]: '1' })
  })
})

test('W3C takes precedence over B3, unless B3 is configured', () => {
  const headers = { traceparent: `00-${TRACE}-${SPAN}-01`, b3: `${OTHER}-${SPAN}-0` }
  expect(serve(headers)).toMatchObject({ traceId: TRACE, isSampled: true })
  for (const propagators of ['b3', 'tracecontext,b3']) {
    expect(serve(headers, { propagators })).toMatchObject({ traceId: OTHER, isSampled: false })
  }
})

test.each([
  'tracecontext,baggage', 'tracecontext,b3', 'tracecontext,b3multi', 'b3'
])('a B3 decision does not replace the trace of another format with OTEL_PROPAGATORS=%s', propagators => {
  for (const decision of [{ b3: '0' }, { 'x-b3-sampled': '1' }, { 'x-b3-flags': '1' }] as Headers[]) {
    const served = serve({ traceparent: `00-${TRACE}-${SPAN}-01`, ...decision }, { propagators })
    expect(served).toMatchObject({ traceId: TRACE, parent: SPAN, isSampled: true })
  }
})

test.each([
  'tracecontext,baggage', 'baggage', 'tracecontext', 'none', 'b3'
])('baggage is forwarded unchanged with OTEL_PROPAGATORS=%s', propagators => {
  const baggage = 'user=7;secret, odd = %C3%BC , broken,=x'
  expect(serve({ baggage }, { propagators }).sent['baggage']).toBe(baggage)
})
