import fp from 'fastify-plugin'
import type { FastifyRequest } from 'fastify'
import { readableAddress } from '../addresses.ts'
import { statusOf } from '../answered.ts'
import { pathOf } from '../paths.ts'
import { endWithError, RequestTrace } from './request-trace.ts'
import type { Telemetry } from './types.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The trace of this request; null if tracing is off, and for operational routes such as probes. */
    trace: RequestTrace | null
  }
}

/**
 * Makes a span for every request, by OpenTelemetry's semantic conventions for HTTP. OpenTelemetry's instrumentations
 * patch each module and keep the context of every asynchronous step. A service knows where its requests begin and end,
 * so it needs neither, at a fraction of the cost.
 */
export const tracing = fp<{ telemetry: Telemetry | undefined }>(async (app, { telemetry }) => {
  app.decorateRequest('trace', null)
  if (telemetry === undefined) return

  app.addHook('onRequest', (request, _reply, done) => {
    const { url: route, config } = request.routeOptions
    if (config.operational !== true) {
      const method = METHODS.has(request.method) ? request.method : 'HTTP'
      const name = route === undefined ? method : `${method} ${route}`
      request.trace = new RequestTrace(telemetry, name, attributesOf(request, route), request.headers)
    }
    done()
  })

  app.whenAnswered((request, reply) => {
    const span = request.trace?.span
    if (span === undefined) return
    const status = statusOf(reply)
    if (status !== 0) span.setAttribute('http.response.status_code', status)
    if (status === 0) endWithError(span, 'connection_closed', 'the connection ended before the whole answer was sent')
    else if (status >= 500) endWithError(span, String(status))
    else span.end()
  })
}, { name: 'tracing', dependencies: ['answered'] })

/** The methods that the semantic conventions name; for all others, they ask for `_OTHER`. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY'])

const HOST_PATTERN = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/

// Set when the span starts, because a sampler may depend on them.
function attributesOf (request: FastifyRequest, route: string | undefined) {
  const { method, originalUrl, protocol, host, headers, raw: { httpVersion, socket } } = request
  const forwardedFor = headers['x-forwarded-for']?.toString().split(',')[0]?.trim()
  const isKnown = METHODS.has(method)
  const [, ipv6, name, port] = HOST_PATTERN.exec(host) ?? []
  const address = ipv6 ?? name
  return {
    'http.request.method': isKnown ? method : '_OTHER',
    'http.request.method_original': isKnown ? undefined : method,
    'url.scheme': protocol,
    'url.path': pathOf(originalUrl),
    'http.route': route,
    'server.address': address,
    'server.port': address === undefined ? undefined : Number(port ?? (protocol === 'https' ? 443 : 80)),
    'client.address': forwardedFor || readableAddress(socket.remoteAddress), // an empty x-forwarded-for names no client
    'user_agent.original': headers['user-agent'],
    'network.protocol.version': httpVersion
  }
}
