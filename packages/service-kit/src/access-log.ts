import fp from 'fastify-plugin'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { readableAddress } from './addresses.ts'
import { statusOf } from './answered.ts'
import { ACCESS_LINE } from './logging.ts'
import { pathOf } from './paths.ts'
import { callerIdentity, traceIdOf } from './propagation.ts'

/**
 * Logs one line for every request. Status 0 means that the client got no answer. The lines of operational routes, such
 * as probes, are at debug level, so that the kubelet's calls do not fill the log.
 */
export const accessLog = fp(async app => {
  app.whenAnswered((request, reply, route) => {
    const level = route.config.operational === true ? 'debug' : 'info'
    app.log[level](accessLine(request, reply), 'request')
  })
}, { name: 'access-log', dependencies: ['answered'] })

function accessLine (request: FastifyRequest, reply: FastifyReply) {
  const { headers, method } = request
  const status = statusOf(reply)
  const length = reply.getHeader('content-length')
  return {
    [ACCESS_LINE]: true,
    method,
    host: headers.host,
    path: pathOf(request.originalUrl), // without the query, which may hold confidential values
    status,
    bytes: length === undefined || status === 0 || method === 'HEAD' ? undefined : Number(length),
    durationMs: Math.round(reply.elapsedTime * 1000) / 1000,
    requestId: request.id,
    trace_id: traceIdOf(headers),
    ...request.trace?.ids,
    caller: callerIdentity(headers),
    client: headers['x-forwarded-for'] || readableAddress(request.socket.remoteAddress),
    fault: request.fault ?? undefined
  }
}
