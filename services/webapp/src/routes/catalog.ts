import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { callerOf, forwardIdentity, jsonParser, problemsOf, sentence } from '@outfitters/service-kit'
import { upstreamErrors } from '@outfitters/service-kit/upstream'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { CatalogItem, NewCatalogItem } from '../clients/catalog.ts'
import { ignoreContentType, likeGet } from './like-get.ts'

const Text = Type.String()

/** The catalog as the outside sees it: the same items, as compact JSON. */
export const catalogRoutes: FastifyPluginAsyncTypebox = async app => {
  app.setErrorHandler(upstreamErrors('error calling Catalog service'))

  likeGet(app, '/api/catalog', {
    tags: ['catalog'], summary: 'All items', response: { 200: Type.Array(CatalogItem), 500: Text }
  }, async (request, reply) => {
    const { value, identity } = await app.catalog.list(callerOf(request, reply))
    forwardIdentity(reply, identity)
    return reply.send(value)
  })

  likeGet(app, '/api/catalog/items/:id(^[0-9]+$)', {
    tags: ['catalog'], summary: 'One item', params: Type.Object({ id: Type.String() }), response: { 200: CatalogItem, 404: Text, 500: Text }
  }, async (request, reply) => {
    const { id } = request.params as { id: string }
    const { value, identity } = await app.catalog.get(id, callerOf(request, reply))
    forwardIdentity(reply, identity)
    return value === undefined ? reply.code(404).type('text/plain; charset=utf-8').send('Not Found') : reply.send(value)
  })

  app.register(async scope => {
    // The book sends JSON by `curl --data`, which says that it is a form.
    scope.addHook('onRequest', ignoreContentType)
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'string' }, jsonParser)
    scope.setErrorHandler(invalidItems)

    scope.post('/api/catalog/items', {
      schema: {
        tags: ['catalog'],
        summary: 'Add an item; the body is read as JSON whatever its content type',
        body: NewCatalogItem,
        response: { 200: Type.Null(), 400: Text, 500: Text }
      }
    }, async (request, reply) => {
      const { identity } = await app.catalog.create(request.body as NewCatalogItem, callerOf(request, reply))
      forwardIdentity(reply, identity)
      return reply.type('application/json; charset=utf-8').send('null' as never)
    })
  })
}

/** A 400 is the book's words; where the body is JSON, what is wrong with which field follows on lines of its own. */
function invalidItems (error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  if (error.statusCode !== 400) throw error
  const reasons = (problemsOf(error) ?? []).map(problem => sentence([problem]))
  reply.code(400).type('text/plain; charset=utf-8').send(['Invalid CatalogItem', ...reasons].join('\n'))
}
