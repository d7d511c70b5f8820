import { defaultTextMapGetter, defaultTextMapSetter, diag } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { B3_MULTI, B3_MULTI_FIELDS, B3_SINGLE } from './b3.ts'
import type { Propagator } from './telemetry.ts'

const traceContext = new W3CTraceContextPropagator()
const W3C: Propagator = {
  extract: (context, headers) => traceContext.extract(context, headers, defaultTextMapGetter),
  inject: (context, headers) => traceContext.inject(context, headers, defaultTextMapSetter)
}

/** By the names that OTEL_PROPAGATORS has for them. */
const PROPAGATORS = new Map<string, Propagator>([
  ['tracecontext', W3C],
  ['baggage', { extract: context => context, inject: () => {} }], // nothing here reads or adds to it, so it goes on to the letter
  ['b3', B3_SINGLE],
  ['b3multi', B3_MULTI]
])

/**
 * Carries traces on in the configured formats, and takes W3C's and B3 where these find nothing; of several that find something, the one
 * that is configured last wins. A format that came in goes out as well, naming the same span. Carried on as it was, it would hang the
 * next span elsewhere and tear the trace apart.
 *
 * @param configured as in OTEL_PROPAGATORS: names by commas
 */
export function propagatorFor (configured = 'tracecontext,baggage'): Propagator {
  const own = named(configured)
  const extracts = new Set([...own.toReversed(), W3C, B3_SINGLE].map(({ extract }) => extract))
  return {
    extract (context, headers) {
      for (const extract of extracts) {
        const found = extract(context, headers)
        if (found !== context) return found
      }
      return context
    },

    inject (context, headers) {
      const formats = new Set(own)
      if ('traceparent' in headers) formats.add(W3C)
      if ('b3' in headers) formats.add(B3_SINGLE)
      // What belongs to the span that came in goes.
      delete headers['tracestate']
      for (const name of B3_MULTI_FIELDS) {
        if (!(name in headers)) continue
        formats.add(B3_MULTI)
        delete headers[name]
      }
      for (const format of formats) format.inject(context, headers)
    }
  }
}

function named (names: string): Propagator[] {
  return [...new Set(names.split(',').map(name => name.trim()))].filter(name => name !== 'none').flatMap(name => {
    const propagator = PROPAGATORS.get(name)
    if (propagator === undefined) diag.warn(`OTEL_PROPAGATORS names ${name}, which there is not: ${[...PROPAGATORS.keys()].join(', ')}, none`)
    return propagator ?? []
  })
}
