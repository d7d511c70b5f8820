import type { IncomingHttpHeaders } from 'node:http'

/** Whether an upstream is a service of the mesh. */
export type Trust = 'inside' | 'outside'

/**
 * The headers that calls inside the mesh forward, besides all that begin with `PROPAGATED_PREFIX`: `authorization` for
 * the mesh's JWT policies, and the trace contexts of W3C, B3, SkyWalking and OpenCensus.
 */
export const PROPAGATED_HEADERS = [
  'authorization', 'traceparent', 'tracestate', 'baggage', 'b3', 'sw8', 'sw8-correlation', 'sw8-x', 'grpc-trace-bin'
] as const

/** Calls inside the mesh forward every `x-*`: `x-dark-launch` and `x-istio-cohort` for routing, `x-request-id`, … */
export const PROPAGATED_PREFIX = 'x-'

const NAMED = new Set<string>(PROPAGATED_HEADERS)

/**
 * Picks the headers of a request that calls inside the mesh forward. Their values are unchanged. All other headers, and
 * above all cookies, stay here.
 */
export function propagatedHeaders (headers: IncomingHttpHeaders): Record<string, string> {
  const forwarded: Record<string, string> = {}
  for (const name in headers) {
    // Node joins repeated headers into one string, except set-cookie, which is never forwarded.
    if (name.startsWith(PROPAGATED_PREFIX) || NAMED.has(name)) forwarded[name] = headers[name] as string
  }
  return forwarded
}

/** The headers of B3 in its form with several headers. */
export const B3_MULTI_FIELDS = ['x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled', 'x-b3-flags']

/**
 * The headers that a call forwards when it leaves the mesh. This is a list of allowed headers, so an unforeseen header
 * does not leave.
 *
 * - `traceparent`, `tracestate` and B3 leave: random ids, a sampling decision, and entries of tracing systems, in
 *   which W3C's Trace Context forbids personal data.
 * - `baggage` and `sw8-correlation` stay: applications put any values into them, such as a customer's number. W3C's
 *   Baggage asks services to keep confidential values out of it, or to remove it from requests that cross a trust
 *   boundary. We cannot know what callers put there, so we remove it.
 * - `sw8` and `sw8-x` stay: they name the calling service, its instance and its endpoint.
 * - `grpc-trace-bin` stays: it belongs to gRPC, and no call that leaves is gRPC.
 */
const OUTSIDE = ['x-request-id', 'traceparent', 'tracestate', 'b3', ...B3_MULTI_FIELDS]

/** Picks the headers that may leave the mesh from those that a call inside it would forward. */
export function headersForOutside (forwarded: Record<string, string>): Record<string, string> {
  const leaving: Record<string, string> = {}
  for (const name of OUTSIDE) {
    const value = forwarded[name]
    if (value !== undefined) leaving[name] = value
  }
  return leaving
}

// An id of only zeros is invalid.
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-/
const B3 = /^(?!0+(?:-|$))([\da-f]{16}|[\da-f]{32})(?:-|$)/

/**
 * The id of the trace that a request belongs to, in 32 digits as in a span. It is read from `traceparent`, `b3` or
 * `x-b3-traceid`, in this order; undefined if none of them names a trace.
 */
export function traceIdOf (headers: IncomingHttpHeaders): string | undefined {
  return idIn(headers.traceparent, TRACEPARENT) ?? idIn(headers.b3, B3) ?? idIn(headers['x-b3-traceid'], B3)
}

function idIn (header: string | string[] | undefined, pattern: RegExp): string | undefined {
  return header === undefined ? undefined : pattern.exec(header as string)?.[1]?.padStart(32, '0')
}

// `;` separates the pairs of one proxy, `,` separates proxies; a value in quotes may contain both.
const CERTIFICATE_PAIR = /(^|[;,])([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^";,]*)/g

/**
 * The identity of the calling workload (`spiffe://…`), which its sidecar has proved: the URI in the last element of
 * `x-forwarded-client-cert`. The nearest proxy wrote that element. Undefined if it has no URI.
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
