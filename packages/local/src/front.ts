import replyFrom from '@fastify/reply-from'
import {
  errorAnswers, MAX_FORWARDED_HEADER_BYTES, MAX_HEADER_BYTES, parserOptions, pathOf, refusals, routable
} from '@outfitters/service-kit'
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'

/** More than the webapp accepts, and less than the catalog accepts, so that each can forward what it has accepted. */
const MAX_BYTES = (MAX_FORWARDED_HEADER_BYTES + MAX_HEADER_BYTES) / 2

/**
 * Stands before several instances of a service as a sidecar would: one address, and each request goes to the next instance.
 * It hands on whatever comes, and answers 503 where the instance breaks the connection.
 *
 * @param upstreams where the instances are, as in http://127.0.0.1:3001
 * @param loggerInstance gets a line about each failure; each request has its line in the instance's log
 */
export function buildFront (upstreams: string[], loggerInstance: FastifyBaseLogger): FastifyInstance {
  const errorsOnly = loggerInstance.child({}, { level: 'error' })
  const app = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: () => errorsOnly, // the library would warn with a whole stack; onError below does so in one line
    requestIdHeader: 'x-request-id',
    http: parserOptions(MAX_BYTES),
    rewriteUrl: ({ url = '/' }) => routable(url),
    keepAliveTimeout: 65 * 60 * 1000,
    return503OnClosing: false,
    forceCloseConnections: true
  })
  let turn = 0

  app.register(errorAnswers)
  app.register(refusals, { maxHeaderBytes: MAX_BYTES })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, body, done) => done(null, body))
  app.register(replyFrom, { disableRequestLogging: true, undici: { maxHeaderSize: MAX_HEADER_BYTES } })

  app.all('/*', (request, reply) => {
    // What a proxy's client sends as http://catalog/items is /items by now. The library adds the query by itself.
    const path = pathOf(request.raw.url ?? '/')
    if (!isForwardable(path)) return reply.callNotFound()

    const upstream = upstreams[turn++ % upstreams.length]
    return reply.from(`${upstream}${path}`, {
      retryDelay: () => null, // by default, the library sends a GET again after a 503, which would hide the faults that people set
      // Node has already answered `Expect: 100-continue` with a 100.
      rewriteRequestHeaders: (_request, { expect: _expect, ...headers }) => ({ ...headers, host: request.headers.host }),
      // These headers are about the connection between the front and the instance.
      rewriteHeaders: ({ connection: _connection, 'keep-alive': _keepAlive, ...headers }) => headers,
      onError: (reply, { error }) => {
        const level = path === '/readyz' ? 'debug' : 'warn' // polled until the instances are up
        app.log[level]({ upstream, path, requestId: request.id }, `no answer from the upstream: ${error.message}`)
        reply.code(503).type('text/plain; charset=utf-8').send(`no answer from the upstream: ${error.message}`)
      }
    })
  })
  return app
}

/**
 * The library refuses paths that climb, sends `/./items` as `/items` and `/items\1` as `/items/1`, and has no way to send
 * `OPTIONS *`. No instance has a route for any of these.
 */
function isForwardable (path: string): boolean {
  const decoded = decodeURIComponent(path)
  return path !== '*' && !decoded.includes('/..') && !decoded.includes('../') && !/\/\.(\/|$)|\\/.test(decoded)
}
