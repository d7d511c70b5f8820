import fp from 'fastify-plugin'
import type { FastifyRequest } from 'fastify'
import { readableAddress } from '../addresses.ts'
import { statusOf } from '../answered.ts'
import { pathOf } from '../paths.ts'
import { endWithError, RequestTrace } from './request-trace.ts'
import type { Telemetry } from './types.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** null where nobody traces, or nobody would look: probes and the like. */
    trace: RequestTrace | null
  }
}

/**
 * A span for every request, by the semantic conventions for HTTP. The stock instrumentations patch each module and keep the context of
 * every asynchronous step; a service that knows where its requests begin and end needs neither, and pays a fraction of it.
 */
export const tracing = fp<{ telemetry: Telemetry | undefined }>(async (app, { telemetry }) => {
  app.decorateRequest('trace', null)
  if (telemetry === undefined) return

  app.addHook('onRequest', (request, _reply, done) => {
    const { url: route, config } = request.routeOptions
    if (config.operational !== true) {
      const method = METHODS.has(request.method) ? request.method : 'HTTP'
      request.trace = new RequestTrace(telemetry, route === undefined ? method : `${method} ${route}`, attributesOf(request, route), request.headers)
    }
    done()
  })

  app.whenAnswered((request, reply) => {
    const span = request.trace?.span
    if (span === undefined) return
    const status = statusOf(reply)
    if (status !== 0) span.setAttribute('http.response.status_code', status)
    if (status === 0) endWithError(span, 'connection_closed', 'the connection ended before the answer did')
    else if (status >= 500) endWithError(span, String(status))
    else span.end()
  })
}, { name: 'tracing', dependencies: ['answered'] })

/** The methods that the semantic conventions know; they want others as `_OTHER`. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY'])

const HOST = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/

// What a sampler may want to know; an unsampled span forgets it.
function attributesOf ({ method, originalUrl, protocol, host, headers, raw: { httpVersion, socket } }: FastifyRequest, route: string | undefined) {
  const isKnown = METHODS.has(method)
  const [, ipv6, name, port] = HOST.exec(host) ?? []
  const address = ipv6 ?? name
  return {
    'http.request.method': isKnown ? method : '_OTHER',
    'http.request.method_original': isKnown ? undefined : method,
    'url.scheme': protocol,
    'url.path': pathOf(originalUrl),
    'http.route': route,
    'server.address': address,
    'server.port': address === undefined ? undefined : Number(port ?? (protocol === 'https' ? 443 : 80)),
    'client.address': headers['x-forwarded-for']?.toString().split(',')[0]?.trim() || readableAddress(socket.remoteAddress), // an empty one says nothing
    'user_agent.original': headers['user-agent'],
    'network.protocol.version': httpVersion
  }
}
