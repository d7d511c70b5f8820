// What comes in by B3, what our span becomes of it, and what goes out: by the specification at github.com/openzipkin/b3-propagation.
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

/** Serves a request and calls on: our span, its parent, and the headers of the call. */
function goOn (headers: Headers, { sampler, propagators }: { sampler?: string, propagators?: string } = {}) {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ sampler: samplerFor(sampler), spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  const propagator = propagatorFor(propagators)
  const parent = propagator.extract(ROOT_CONTEXT, headers)
  const span = provider.getTracer('test').startSpan('GET', {}, parent)
  const sent: Headers = { ...headers }
  propagator.inject(trace.setSpan(parent, span), sent)
  span.end()
  const { traceId, spanId } = span.spanContext()
  return { traceId, spanId, sent, parent: trace.getSpanContext(parent)?.spanId, isSampled: exporter.getFinishedSpans().length === 1 }
}

describe('a decision without a trace holds for the trace that begins', () => {
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
      const served = goOn(headers, { sampler })
      expect([served.isSampled, served.parent]).toEqual([isSampled, undefined])
      expect(served.sent['traceparent']).toBe(`00-${served.traceId}-${served.spanId}-0${isSampled ? 1 : 0}`)
    }
  })

  test('but not where the sampler looks at no parent', () => {
    expect(goOn({ b3: '0' }, { sampler: 'always_on' }).isSampled).toBe(true)
    expect(goOn({ b3: '1' }, { sampler: 'always_off' }).isSampled).toBe(false)
  })
})

describe('a trace without a decision goes on, and our sampler decides', () => {
  test.each<[Headers]>([[{ b3: `${TRACE}-${SPAN}` }], [several({})], [several({ 'x-b3-parentspanid': OTHER.slice(16) })], [several({ 'x-b3-sampled': 'constructor' })]])('%j', headers => {
    for (const [sampler, isSampled] of [['parentbased_always_on', true], ['parentbased_always_off', false]] as const) {
      const served = goOn(headers, { sampler })
      expect(served).toMatchObject({ traceId: TRACE, parent: SPAN, isSampled })
      expect(served.sent['b3'] ?? served.sent['x-b3-sampled']).toMatch(isSampled ? /1$/ : /0$/)
    }
  })
})

describe('what came in goes out in the same form, naming our span', () => {
  test.each<[Headers, (id: string) => Headers]>([
    [{ b3: `${TRACE}-${SPAN}-1-${SPAN}` }, id => ({ b3: `${TRACE}-${id}-1` })],
    [{ b3: `${TRACE}-${SPAN}-0` }, id => ({ b3: `${TRACE}-${id}-0` })],
    [{ b3: `${TRACE}-${SPAN}-d` }, id => ({ b3: `${TRACE}-${id}-d` })],
    [{ b3: `${SPAN}-${SPAN}-1` }, id => ({ b3: `${SPAN.padStart(32, '0')}-${id}-1` })],
    [several({ 'x-b3-sampled': '1', 'x-b3-parentspanid': SPAN }), id => ({ 'x-b3-traceid': TRACE, 'x-b3-spanid': id, 'x-b3-sampled': '1' })],
    [several({ 'x-b3-sampled': 'false' }), id => ({ 'x-b3-traceid': TRACE, 'x-b3-spanid': id, 'x-b3-sampled': '0' })],
    [several({ 'x-b3-flags': '1', 'x-b3-sampled': '0' }), id => ({ 'x-b3-traceid': TRACE, 'x-b3-spanid': id, 'x-b3-flags': '1' })],
    [{ b3: 'nonsense', ...several({ 'x-b3-sampled': '1' }) }, id => ({ b3: `${TRACE}-${id}-1`, 'x-b3-traceid': TRACE, 'x-b3-spanid': id, 'x-b3-sampled': '1' })],
    [{ b3: `${'0'.repeat(32)}-${SPAN}-1`, ...several({ 'x-b3-sampled': '0' }) }, id => ({ b3: `${TRACE}-${id}-0`, 'x-b3-traceid': TRACE, 'x-b3-spanid': id, 'x-b3-sampled': '0' })],
    [{ b3: `${TRACE}-${SPAN}-0`, ...several({ 'x-b3-traceid': OTHER, 'x-b3-sampled': '1' }) }, id => ({ b3: `${TRACE}-${id}-0`, 'x-b3-traceid': TRACE, 'x-b3-spanid': id, 'x-b3-sampled': '0' })]
  ])('%j', (headers, expected) => {
    const { spanId, sent } = goOn(headers, { propagators: 'none' })
    expect(sent).toEqual(expected(spanId))
    const beside = goOn(headers)
    expect(beside.sent).toEqual({ ...expected(beside.spanId), traceparent: `00-${beside.traceId}-${beside.spanId}-0${Number(beside.isSampled)}` })
  })

  test.each(['x-b3-sampled', 'x-b3-flags', 'x-b3-spanid', 'x-b3-parentspanid'])('%s alone is B3 in several headers', name => {
    const { traceId, spanId, sent } = goOn({ [name]: '1' }, { propagators: 'none' })
    expect(sent).toEqual({ 'x-b3-traceid': traceId, 'x-b3-spanid': spanId, [name === 'x-b3-flags' ? name : 'x-b3-sampled']: '1' })
  })
})

test('what W3C says stands above B3, and B3 above W3C where B3 is what is configured', () => {
  const headers = { traceparent: `00-${TRACE}-${SPAN}-01`, b3: `${OTHER}-${SPAN}-0` }
  expect(goOn(headers)).toMatchObject({ traceId: TRACE, isSampled: true })
  for (const propagators of ['b3', 'tracecontext,b3']) expect(goOn(headers, { propagators })).toMatchObject({ traceId: OTHER, isSampled: false })
})

test.each(['tracecontext,baggage', 'tracecontext,b3', 'tracecontext,b3multi', 'b3'])('a decision without a trace tears no trace apart with OTEL_PROPAGATORS=%s', propagators => {
  for (const decision of [{ b3: '0' }, { 'x-b3-sampled': '1' }, { 'x-b3-flags': '1' }] as Headers[]) {
    expect(goOn({ traceparent: `00-${TRACE}-${SPAN}-01`, ...decision }, { propagators })).toMatchObject({ traceId: TRACE, parent: SPAN, isSampled: true })
  }
})

test.each(['tracecontext,baggage', 'baggage', 'tracecontext', 'none', 'b3'])('baggage goes on to the letter with OTEL_PROPAGATORS=%s', propagators => {
  const baggage = 'user=7;secret, odd = %C3%BC , broken,=x'
  expect(goOn({ baggage }, { propagators }).sent['baggage']).toBe(baggage)
})
