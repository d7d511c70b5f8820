import type { FastifyInstance, FastifyRequest, FastifySchema, RouteHandlerMethod } from 'fastify'

const OTHER_METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/**
 * Adds a route that answers every method as it answers GET, and ignores the body, like the book's webapp.
 */
export function addAnyMethodRoute (
  app: FastifyInstance, url: string, schema: FastifySchema, handler: RouteHandlerMethod
): void {
  app.get(url, { schema }, handler)
  app.register(async scope => {
    scope.addHook('onRequest', ignoreContentType)
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.route({ method: OTHER_METHODS, url, schema, handler })
  })
}

/**
 * An onRequest hook for routes on which the content type has no meaning. It removes the header, because Fastify refuses
 * a malformed one before any parser runs.
 */
export async function ignoreContentType (request: FastifyRequest): Promise<void> {
  delete request.headers['content-type']
}
