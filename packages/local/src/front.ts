import { Readable } from 'node:stream'
import replyFrom from '@fastify/reply-from'
import {
  errorAnswers, MAX_FORWARDED_HEADER_BYTES, MAX_HEADER_BYTES, parserOptions, pathOf, refusals, RequestError, routable
} from '@outfitters/service-kit'
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyReply } from 'fastify'

/**
 * The limit for the headers of a request. It is above the webapp's and below the catalog's, so that the webapp and the
 * front can forward every request that they accept.
 */
const MAX_BYTES = (MAX_FORWARDED_HEADER_BYTES + MAX_HEADER_BYTES) / 2

/** The errors after which there is no connection to an instance, so the instance has not seen the request. */
const CONNECT_FAILURES = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']

/**
 * Builds a proxy for several instances of a service, which does what a sidecar does: it has one address, and sends each
 * request to the next instance. If there is no connection to that instance, the request goes to the one after it. If
 * no instance can be reached, or one breaks the connection, the answer is 503.
 *
 * @param upstreams the URLs of the instances, for example http://127.0.0.1:3001
 * @param loggerInstance gets a line for each failure; the instance itself logs each request
 */
export function buildFront (upstreams: string[], loggerInstance: FastifyBaseLogger): FastifyInstance {
  const errorsOnly = loggerInstance.child({}, { level: 'error' })
  const app = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: () => errorsOnly, // the library warns with a whole stack trace; onError below writes one line
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
    // The URL http://catalog/items, which clients of a proxy send, is /items here. The library itself adds the query.
    const path = pathOf(request.raw.url ?? '/')
    if (!isForwardable(path)) {
      throw new RequestError(404, 'NOT_FOUND', `There is no ${request.method} ${request.raw.url}`)
    }

    const { body } = request
    const first = turn++
    const attempt = (n: number): FastifyReply => {
      const upstream = upstreams[(first + n - 1) % upstreams.length]
      // A failed attempt destroys its stream. So each attempt gets its own, which reads the body once it is connected.
      if (body instanceof Readable) request.body = Readable.from(piecesOf(body), { objectMode: false })
      return reply.from(`${upstream}${path}`, {
        // By default, the library sends a GET again after a 503. That would hide the faults that users set.
        retryDelay: () => null,
        // Node has already answered `Expect: 100-continue` with a 100.
        rewriteRequestHeaders: (_request, { expect: _, ...headers }) => ({
          ...headers,
          host: request.headers.host,
          'x-envoy-attempt-count': String(n)
        }),
        // These headers belong to the connection between the front and the instance.
        rewriteHeaders: ({ connection: _connection, 'keep-alive': _keepAlive, ...headers }) => headers,
        onError: (reply, { error }) => {
          const { code = '' } = (error.cause ?? {}) as NodeJS.ErrnoException
          if (n < upstreams.length && CONNECT_FAILURES.includes(code)) return attempt(n + 1)
          const level = path === '/readyz' ? 'debug' : 'warn' // `npm start` polls /readyz while the instances start
          app.log[level]({ upstream, path, requestId: request.id }, `no answer from the upstream: ${error.message}`)
          reply.code(503).type('text/plain; charset=utf-8').send(`no answer from the upstream: ${error.message}`)
        }
      })
    }
    return attempt(1)
  })
  return app
}

/** The body of a request. It is read only when its first piece is requested. */
async function * piecesOf (body: Readable): AsyncGenerator<Buffer> {
  yield * body.iterator({ destroyOnReturn: false }) // otherwise, a failed attempt would end the caller's connection
}

/**
 * Whether the library can forward a path unchanged. It refuses paths with `..`, sends `/./items` as `/items` and
 * `/items\1` as `/items/1`, and cannot send `OPTIONS *`. No instance has a route for any of these.
 */
function isForwardable (path: string): boolean {
  const decoded = decodeURIComponent(path)
  return path !== '*' && !decoded.includes('/..') && !decoded.includes('../') && !/\/\.(\/|$)|\\/.test(decoded)
}
