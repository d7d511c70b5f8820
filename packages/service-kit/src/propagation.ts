import type { IncomingHttpHeaders } from 'node:http'

/** Whether an upstream is a service of the mesh. */
export type Trust = 'inside' | 'outside'

/** The trace contexts of W3C, B3, SkyWalking and OpenCensus, without those that begin with `x-`. */
const TRACE_HEADERS = [
  'traceparent', 'tracestate', 'baggage', 'b3', 'sw8', 'sw8-correlation', 'sw8-x', 'grpc-trace-bin'
]
const NAMED = new Set(['authorization', ...TRACE_HEADERS])

/**
 * The headers of a request that calls inside the mesh forward, unchanged: every `x-*` (routing by x-dark-launch or
 * x-istio-cohort, x-request-id, x-b3-*, …), `authorization` for the mesh's JWT policies, and the trace contexts.
 * Everything else, cookies above all, ends here.
 */
export function propagatedHeaders (headers: IncomingHttpHeaders): Record<string, string> {
  const carried: Record<string, string> = {}
  for (const name in headers) {
    // Node joins repeated headers into one string for all but set-cookie, which matches neither rule.
    if (name.startsWith('x-') || NAMED.has(name)) carried[name] = headers[name] as string
  }
  return carried
}

/** The headers of B3 in its form with several headers. */
export const B3_MULTI_FIELDS = ['x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled', 'x-b3-flags']

/**
 * What a call that leaves the mesh forwards. The list names the headers that may leave, so that an unforeseen
 * header stays.
 *
 * - `traceparent`, `tracestate` and B3 leave: random ids, a sampling decision, and entries of tracing systems, in
 *   which W3C's Trace Context forbids personal data.
 * - `baggage` stays, and `sw8-correlation` with it: applications put any values into them, such as a customer's number.
 *   W3C's Baggage wants it free of confidential values, or absent from requests that cross a trust boundary. We cannot
 *   know what callers put there, so we can ensure only the second.
 * - `sw8` and `sw8-x` stay: they name the calling service, its instance and its endpoint.
 * - `grpc-trace-bin` stays: it belongs to gRPC, and no call that leaves is gRPC.
 */
const OUTSIDE = ['x-request-id', 'traceparent', 'tracestate', 'b3', ...B3_MULTI_FIELDS]

/** Of the headers that a call inside the mesh would forward, those that may leave it. */
export function headersForOutside (carried: Record<string, string>): Record<string, string> {
  const leaving: Record<string, string> = {}
  for (const name of OUTSIDE) {
    const value = carried[name]
    if (value !== undefined) leaving[name] = value
  }
  return leaving
}

// An id of nothing but zeros is none.
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-/
const B3 = /^(?!0+(?:-|$))([\da-f]{16}|[\da-f]{32})(?:-|$)/

/** The trace that a request belongs to, out of `traceparent`, `b3` or `x-b3-traceid`, in 32 digits as in a span; undefined where it names none. */
export function traceIdOf (headers: IncomingHttpHeaders): string | undefined {
  return idIn(headers.traceparent, TRACEPARENT) ?? idIn(headers.b3, B3) ?? idIn(headers['x-b3-traceid'], B3)
}

function idIn (header: string | string[] | undefined, pattern: RegExp): string | undefined {
  return header === undefined ? undefined : pattern.exec(header as string)?.[1]?.padStart(32, '0')
}

// `;` stands between the pairs of one proxy, `,` between proxies; a value in quotes may hold either.
const CERTIFICATE_PAIR = /(^|[;,])([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^";,]*)/g

/**
 * The identity of the calling workload (`spiffe://…`) as its sidecar proved it: the URI in the last element of
 * `x-forwarded-client-cert`, which is the one that the nearest proxy wrote.
 */
export function callerIdentity (headers: IncomingHttpHeaders): string | undefined {
  const certificates = headers['x-forwarded-client-cert'] as string | undefined
  if (certificates === undefined) return undefined
  let uri: string | undefined
  for (const [, separator, key, value] of certificates.matchAll(CERTIFICATE_PAIR)) {
    if (separator !== ';') uri = undefined
    if (key === 'URI') uri = value
  }
  return uri
}
