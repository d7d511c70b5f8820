import { RequestError, Type } from '@outfitters/service-kit'
import type { Caller, Identity } from '@outfitters/service-kit'
import type { Upstream } from '@outfitters/service-kit/upstream'
import type { Static } from 'typebox'
import { isErrorAnswer } from './error-answer.ts'

/** An item as the catalog answers it. The webapp sends its keys in this order. */
export const CatalogItem = Type.Object({
  id: Type.Integer(),
  color: Type.String({ default: '' }),
  department: Type.String({ default: '' }),
  name: Type.String(),
  price: Type.String(),
  imageUrl: Type.Optional(Type.String())
}, { title: 'CatalogItem' })
export type CatalogItem = Static<typeof CatalogItem>

const fields = {
  color: Type.String({ default: '', maxLength: 100 }),
  department: Type.String({ default: '', maxLength: 100 }),
  name: Type.String({ minLength: 1, maxLength: 200 }),
  price: Type.String({
    pattern: '^[0-9]{1,9}([.][0-9]{1,2})?$',
    description: 'a decimal number in quotes, such as "84.00"'
  }),
  imageUrl: Type.Optional(Type.String({
    maxLength: 2048,
    pattern: '^(https?://|/)[!-~]*$',
    description: 'an http(s) URL or a path'
  }))
}

/** An item as the page's form has it. */
export const CatalogItemForm = Type.Object(fields, { additionalProperties: false, title: 'CatalogItemForm' })

/** An item as the catalog accepts it. */
export const NewCatalogItem = Type.Object({
  id: Type.Optional(Type.Integer()),
  ...fields
}, { additionalProperties: false, title: 'NewCatalogItem' })
export type NewCatalogItem = Static<typeof NewCatalogItem>

/** What the catalog answered, and which pod and version answered. */
export interface CatalogAnswer<T> {
  value: T
  identity: Identity
}

/**
 * A client of the catalog.
 *
 * All methods throw an UpstreamError if the catalog fails, or if its answer has an unexpected status or shape.
 */
export class CatalogClient {
  readonly #upstream: Upstream

  /** @param upstream the catalog's connections; the caller closes them */
  constructor (upstream: Upstream) {
    this.#upstream = upstream
  }

  /** All items. */
  async list (caller: Caller): Promise<CatalogAnswer<CatalogItem[]>> {
    const answer = await this.#upstream.call({ path: '/items' }, caller)
    return { value: answer.requireStatus(200).json(isItemList), identity: answer.identity }
  }

  /**
   * One item. The value is undefined if the catalog answers that the item does not exist. A 404 of a proxy does not
   * count: it lacks the header x-served-by, and is an error.
   *
   * @param id digits
   */
  async get (id: string, caller: Caller): Promise<CatalogAnswer<CatalogItem | undefined>> {
    const answer = await this.#upstream.call({ path: `/items/${id}` }, caller)
    const { identity, status } = answer
    if (status === 404 && identity['x-served-by'] !== undefined) return { value: undefined, identity }
    return { value: answer.requireStatus(200).json(isItem), identity }
  }

  /**
   * Adds an item; the catalog assigns its id.
   *
   * @throws {RequestError} 409 CATALOG_FULL if the catalog is full
   */
  async create (item: NewCatalogItem, caller: Caller): Promise<CatalogAnswer<void>> {
    const answer = await this.#upstream.call({ method: 'POST', path: '/items', body: item }, caller)
    if (answer.status === 409 && answer.identity['x-served-by'] !== undefined) {
      const { message } = answer.json(isErrorAnswer)
      throw new RequestError(409, 'CATALOG_FULL', message)
    }
    return { value: undefined, identity: answer.requireStatus(201).identity }
  }
}

function isItem (value: unknown): value is CatalogItem {
  if (typeof value !== 'object' || value === null) return false
  const { id, name, price, color = '', department = '', imageUrl = '' } = value as Record<string, unknown>
  return Number.isInteger(id) && [name, price, color, department, imageUrl].every(text => typeof text === 'string')
}

function isItemList (value: unknown): value is CatalogItem[] {
  return Array.isArray(value) && value.every(isItem)
}
