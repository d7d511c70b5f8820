import cors from '@fastify/cors'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ErrorAnswer, NoBody, RequestError, TextBody, Type } from '@outfitters/service-kit'
import type { Catalog } from '../catalog.ts'
import { Item, ItemInput } from '../item.ts'

/** What the routes of the items need. */
export interface ItemRoutesOptions {
  catalog: Catalog
  /** the URL of an item's picture; undefined in version 1, which shows items without pictures */
  imageOf: ((item: Item) => string) | undefined
}

const MAX_ID = Number.MAX_SAFE_INTEGER
const ById = Type.Object({ id: Type.String() })
const ByNumber = Type.Object({ id: Type.String({ description: `a whole number from 1 to ${MAX_ID}` }) })
const Refusals = { 400: ErrorAnswer, 409: ErrorAnswer, 415: ErrorAnswer }
const JSON_TYPE = 'application/json; charset=utf-8'

/** The items as JSON, indented by two spaces. The book shows this format and its size: 502 bytes for the four items. */
export const itemRoutes: FastifyPluginAsyncTypebox<ItemRoutesOptions> = async (app, { catalog, imageOf }) => {
  // Scripts of any page may read and write items, as in the original. The catalog uses no cookies and no sessions.
  await app.register(cors, {
    origin: true,
    credentials: true,
    strictPreflight: false,
    methods: 'GET,HEAD,PUT,PATCH,POST,DELETE'
  })

  app.get('/', {
    schema: { tags: ['catalog'], summary: 'All items', response: { 200: Type.Array(Item) } }
  }, (_request, reply) => {
    reply.type(JSON_TYPE).serializer(serializeList).send(catalog.list())
  })

  app.get('/:id', {
    schema: {
      tags: ['catalog'],
      summary: 'One item',
      params: ById,
      response: { 200: Item, 404: TextBody() }
    }
  }, (request, reply) => {
    const item = catalog.get(parseId(request.params.id))
    if (item === undefined) reply.code(404).type('text/plain; charset=utf-8').send('Not Found')
    else reply.type(JSON_TYPE).serializer(indented).send(show(item))
  })

  app.post('/', {
    schema: {
      tags: ['catalog'],
      summary: 'Add an item; the catalog assigns its id',
      body: ItemInput,
      response: { 201: NoBody, ...Refusals }
    }
  }, (request, reply) => {
    const { id } = catalog.add(request.body)
    reply.code(201).header('location', `/items/${id}`).send(undefined)
  })

  app.put('/:id', {
    schema: {
      tags: ['catalog'],
      summary: 'Store an item under an id; an item with this id is replaced',
      params: ByNumber,
      body: ItemInput,
      response: { 200: Item, 201: Item, ...Refusals }
    }
  }, (request, reply) => {
    const id = parseId(request.params.id)
    const { id: idInBody = id } = request.body
    if (!(id >= 1 && id <= MAX_ID)) {
      const problem = { where: 'params/id', what: `must be a whole number from 1 to ${MAX_ID}` }
      throw RequestError.invalid('ITEM_ID_INVALID', [problem])
    }
    if (idInBody !== id) {
      const problem = { where: 'body/id', what: `must be ${id}, as in the path, or left out` }
      throw RequestError.invalid('ITEM_ID_MISMATCH', [problem])
    }
    const { item, created } = catalog.put(id, request.body)
    reply.code(created ? 201 : 200).type(JSON_TYPE).serializer(indented).send(show(item))
  })

  // Clients read the list far more often than they change it.
  const serializeList = cacheLast((items: Item[]) => indented(items.map(show)))

  function show (item: Item): Item {
    const { imageUrl: _, ...shown } = item
    return imageOf === undefined ? shown : { ...shown, imageUrl: imageOf(item) }
  }
}

/** The id in a path; NaN, which no item has, if the text is not a number. */
function parseId (text: string): number {
  return /^\d{1,16}$/.test(text) ? Number(text) : NaN
}

/** A function that computes again only if it gets another input than last time. */
function cacheLast<Input, Output> (compute: (input: Input) => Output): (input: Input) => Output {
  let last: { input: Input, output: Output } | undefined
  return input => {
    if (last?.input !== input) last = { input, output: compute(input) }
    return last.output
  }
}

function indented (value: Item | Item[]): string {
  return JSON.stringify(value, null, 2)
}
