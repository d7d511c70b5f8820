import type { FastifyInstance, FastifySchema, RouteHandlerMethod } from 'fastify'

/**
 * A route that answers every method as it answers a GET, with whatever body, as the book's webapp does. The API's document
 * names the GET alone.
 */
export function likeGet (app: FastifyInstance, url: string, schema: FastifySchema, handler: RouteHandlerMethod): void {
  app.get(url, { schema }, handler)
  app.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.route({ method: ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], url, schema: { ...schema, hide: true }, handler })
  })
}
