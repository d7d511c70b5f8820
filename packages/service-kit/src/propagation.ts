import type { IncomingHttpHeaders } from 'node:http'

const NAMED = new Set(['authorization', 'traceparent', 'tracestate', 'baggage', 'b3'])

/**
 * The headers of a request that its upstream calls carry on, unchanged: every `x-*` (routing by x-dark-launch or
 * x-istio-cohort, x-request-id, x-b3-*, …), `authorization` for the mesh's JWT policies, and the trace contexts of W3C and B3.
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
