import {
  callerOf, ErrorAnswer, forwardIdentity, jsonParser, problemsOf, sentence, TextBody, Type
} from '@outfitters/service-kit'
import { upstreamErrors } from '@outfitters/service-kit/upstream'
import type { FastifyError, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { CatalogItem, NewCatalogItem } from '../clients/catalog.ts'
import { addAnyMethodRoute, ignoreContentType } from './any-method.ts'

const Text = TextBody()
const Null = { description: 'null', content: { 'application/json': { schema: Type.Null() } } }
const JSON_TYPE = 'application/json; charset=utf-8'
const TEXT_TYPE = 'text/plain; charset=utf-8'

/** The catalog for clients outside the mesh: its items as compact JSON. */
export const catalogRoutes: FastifyPluginAsync = async app => {
  app.setErrorHandler(upstreamErrors('error calling Catalog service'))

  addAnyMethodRoute(app, '/api/catalog', {
    tags: ['catalog'],
    summary: 'All items',
    response: { 200: Type.Array(CatalogItem), 500: Text }
  }, async (request, reply) => {
    const { value, identity } = await app.catalog.list(callerOf(request, reply))
    forwardIdentity(reply, identity)
    return reply.send(value)
  })

  addAnyMethodRoute(app, '/api/catalog/items/:id(^[0-9]+$)', {
    tags: ['catalog'],
    summary: 'One item',
    params: Type.Object({ id: Type.String() }),
    response: { 200: CatalogItem, 404: Text, 500: Text }
  }, async (request, reply) => {
    const { id } = request.params as { id: string }
    const { value, identity } = await app.catalog.get(id, callerOf(request, reply))
    forwardIdentity(reply, identity)
    return value === undefined ? reply.code(404).type(TEXT_TYPE).send('Not Found') : reply.send(value)
  })

  app.register(async scope => {
    // The book sends the JSON with `curl --data`, which declares it as a form.
    scope.addHook('onRequest', ignoreContentType)
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'string' }, jsonParser)
    scope.setErrorHandler(answerInvalidItem)

    scope.post<{ Body: NewCatalogItem }>('/api/catalog/items', {
      schema: {
        tags: ['catalog'],
        summary: 'Add an item; the body is read as JSON, whatever its content type',
        body: NewCatalogItem,
        response: { 200: Null, 400: Text, 409: ErrorAnswer, 500: Text }
      }
    }, async (request, reply) => {
      const { identity } = await app.catalog.create(request.body, callerOf(request, reply))
      forwardIdentity(reply, identity)
      return reply.type(JSON_TYPE).send('null') // send(null) would send an empty body
    })
  })
}

/** Answers a 400 with the text of the book. If the body is JSON, one line for each invalid field follows. */
function answerInvalidItem (error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  if (error.statusCode !== 400) throw error
  const reasons = (problemsOf(error) ?? []).map(problem => sentence([problem]))
  reply.code(400).type(TEXT_TYPE).send(['Invalid CatalogItem', ...reasons].join('\n'))
}
