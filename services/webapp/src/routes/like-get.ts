import type { FastifyInstance, FastifyRequest, FastifySchema, RouteHandlerMethod } from 'fastify'

/**
 * A route that answers every method as it answers a GET, with whatever body, as the book's webapp does. The API's document
 * names the GET alone.
 */
export function likeGet (app: FastifyInstance, url: string, schema: FastifySchema, handler: RouteHandlerMethod): void {
  app.get(url, { schema }, handler)
  app.register(async scope => {
    scope.addHook('onRequest', ignoreContentType)
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.route({ method: ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], url, schema: { ...schema, hide: true }, handler })
  })
}

/** An onRequest hook for routes to which a body's content type says nothing; a malformed one would be refused before any parser. */
export async function ignoreContentType (request: FastifyRequest): Promise<void> {
  delete request.headers['content-type']
}
