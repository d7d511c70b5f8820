import { defaultTextMapGetter, defaultTextMapSetter, diag, trace, type TextMapPropagator } from '@opentelemetry/api'
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core'
import { B3InjectEncoding, B3Propagator } from '@opentelemetry/propagator-b3'
import type { Propagator } from './telemetry.ts'

const W3C = new W3CTraceContextPropagator()
const B3_SINGLE = new B3Propagator()
const B3_MULTI = new B3Propagator({ injectEncoding: B3InjectEncoding.MULTI_HEADER })

/** By the names that OTEL_PROPAGATORS has for them. */
const PROPAGATORS: Record<string, TextMapPropagator> = {
  tracecontext: W3C,
  baggage: new W3CBaggagePropagator(),
  b3: B3_SINGLE,
  b3multi: B3_MULTI
}

/**
 * Carries traces on in the configured formats, and takes W3C's and B3 where these find nothing. A format that came in
 * goes out as well, naming the same span. Carried on as it was, it would hang the next span elsewhere and tear the trace apart.
 *
 * @param configured as in OTEL_PROPAGATORS: names by commas
 */
export function propagatorFor (configured = 'tracecontext,baggage'): Propagator {
  const own = named(configured)
  const ownTogether = new CompositePropagator({ propagators: own })
  return {
    extract (context, headers) {
      let found = ownTogether.extract(context, headers, defaultTextMapGetter)
      for (const other of [W3C, B3_SINGLE]) {
        if (trace.getSpanContext(found) === undefined) found = other.extract(found, headers, defaultTextMapGetter)
      }
      return found
    },

    inject (context, headers) {
      const formats = new Set(own)
      if ('traceparent' in headers) formats.add(W3C)
      if ('b3' in headers) formats.add(B3_SINGLE)
      if ('x-b3-traceid' in headers) formats.add(B3_MULTI)
      for (const name of ['tracestate', 'x-b3-parentspanid', 'x-b3-flags']) delete headers[name] // they belong to the span that came in
      for (const format of formats) format.inject(context, headers, defaultTextMapSetter)
    }
  }
}

function named (names: string): TextMapPropagator[] {
  return [...new Set(names.split(',').map(name => name.trim()))].filter(name => name !== 'none').flatMap(name => {
    const propagator = PROPAGATORS[name]
    if (propagator === undefined) diag.warn(`OTEL_PROPAGATORS names ${name}, which there is not: ${Object.keys(PROPAGATORS).join(', ')}, none`)
    return propagator ?? []
  })
}
