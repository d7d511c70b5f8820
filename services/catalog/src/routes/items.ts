import cors from '@fastify/cors'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ErrorAnswer, NoBody, RequestError } from '@outfitters/service-kit'
import { Type } from 'typebox'
import type { Catalog } from '../catalog.ts'
import { Item, ItemInput } from '../item.ts'

export interface ItemRoutesOptions {
  catalog: Catalog
  /** an item's picture; undefined where items are shown without, in version 1 */
  imageOf: ((item: Item) => string) | undefined
}

const ById = Type.Object({ id: Type.String() })
const Text = Type.String()

/** The items, as JSON indented by two spaces: the book shows and measures it so (502 bytes for the four). */
export const itemRoutes: FastifyPluginAsyncTypebox<ItemRoutesOptions> = async (app, { catalog, imageOf }) => {
  // Open to scripts of any page, as the original is. No cookie and no session stands behind it.
  await app.register(cors, { origin: true, credentials: true, strictPreflight: false, methods: 'GET,HEAD,PUT,PATCH,POST,DELETE' })

  app.get('/', {
    schema: { tags: ['catalog'], summary: 'All items', response: { 200: Type.Unsafe<string>(Type.Array(Item)) } }
  }, (_request, reply) => {
    reply.type('application/json; charset=utf-8').send(listing(catalog.list()))
  })

  app.get('/:id', {
    schema: { tags: ['catalog'], summary: 'One item', params: ById, response: { 200: Type.Unsafe<string>(Item), 404: Text } }
  }, (request, reply) => {
    const item = catalog.get(idOf(request.params.id))
    if (item === undefined) reply.code(404).type('text/plain; charset=utf-8').send('Not Found')
    else reply.type('application/json; charset=utf-8').send(pretty(show(item)))
  })

  app.post('/', {
    schema: {
      tags: ['catalog'],
      summary: 'Add an item; the catalog numbers it',
      body: ItemInput,
      response: { 201: NoBody, 400: ErrorAnswer, 409: ErrorAnswer, 415: ErrorAnswer }
    }
  }, (request, reply) => {
    const { id } = catalog.add(request.body)
    reply.code(201).header('location', `/items/${id}`).send(undefined)
  })

  app.put('/:id', {
    schema: {
      tags: ['catalog'],
      summary: 'Put an item under a number, in place of what is there',
      params: ById,
      body: ItemInput,
      response: { 200: Type.Unsafe<string>(Item), 201: Type.Unsafe<string>(Item), 400: ErrorAnswer, 409: ErrorAnswer, 415: ErrorAnswer }
    }
  }, (request, reply) => {
    const id = idOf(request.params.id)
    const { id: sent = id } = request.body
    if (!(id >= 1 && id <= Number.MAX_SAFE_INTEGER)) {
      throw RequestError.invalid('ITEM_ID_INVALID', [{ where: 'params/id', what: `must be a whole number from 1 to ${Number.MAX_SAFE_INTEGER}` }])
    }
    if (sent !== id) throw RequestError.invalid('ITEM_ID_MISMATCH', [{ where: 'body/id', what: `must be the ${id} of the path, or left out` }])
    const { item, created } = catalog.put(id, request.body)
    reply.code(created ? 201 : 200).type('application/json; charset=utf-8').send(pretty(show(item)))
  })

  const listing = rememberingLast((items: readonly Item[]) => pretty(items.map(show)))

  function show (item: Item): Item {
    const { imageUrl: _, ...shown } = item
    return imageOf === undefined ? shown : { ...shown, imageUrl: imageOf(item) }
  }
}

/** NaN, which no item has, where it is no number. */
function idOf (text: string): number {
  return /^\d{1,16}$/.test(text) ? Number(text) : NaN
}

/** The list is asked for far more often than it changes. */
function rememberingLast<Input, Output> (compute: (input: Input) => Output): (input: Input) => Output {
  let last: { input: Input, output: Output } | undefined
  return input => {
    if (last?.input !== input) last = { input, output: compute(input) }
    return last.output
  }
}

function pretty (value: Item | Item[]): string {
  return JSON.stringify(value, null, 2)
}
