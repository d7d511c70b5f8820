import type { Caller, Identity } from '@outfitters/service-kit'
import type { Upstream } from '@outfitters/service-kit/upstream'
import { Type, type Static } from 'typebox'

/** An item as the catalog shows it, in the order in which it is shown on. */
export const CatalogItem = Type.Object({
  id: Type.Integer(),
  color: Type.String({ default: '' }),
  department: Type.String({ default: '' }),
  name: Type.String(),
  price: Type.String(),
  imageUrl: Type.Optional(Type.String())
}, { title: 'CatalogItem' })
export type CatalogItem = Static<typeof CatalogItem>

/** An item as the catalog takes it. */
export const NewCatalogItem = Type.Object({
  id: Type.Optional(Type.Integer()),
  color: Type.String({ default: '', maxLength: 100 }),
  department: Type.String({ default: '', maxLength: 100 }),
  name: Type.String({ minLength: 1, maxLength: 200 }),
  price: Type.String({ pattern: '^[0-9]{1,9}([.][0-9]{1,2})?$', description: 'a decimal number in quotes, such as "84.00"' }),
  imageUrl: Type.Optional(Type.String({ maxLength: 2048, pattern: '^(https?://|/)[!-~]*$', description: 'an http(s) URL or a path' }))
}, { additionalProperties: false, title: 'NewCatalogItem' })
export type NewCatalogItem = Static<typeof NewCatalogItem>

/** What the catalog said, and which of them it was. */
export interface CatalogAnswer<T> {
  value: T
  identity: Identity
}

/**
 * The catalog as the webapp sees it.
 *
 * All methods throw an UpstreamError when the catalog fails, or says something else than asked.
 */
export class CatalogClient {
  readonly #upstream: Upstream

  constructor (upstream: Upstream) {
    this.#upstream = upstream
  }

  /** All items. */
  async list (caller: Caller): Promise<CatalogAnswer<CatalogItem[]>> {
    const answer = await this.#upstream.call({ path: '/items' }, caller)
    return { value: answer.expect(200).json(isItemList), identity: answer.identity }
  }

  /**
   * One item; undefined where the catalog itself, and no proxy on the way, says that there is none.
   *
   * @param id digits
   */
  async get (id: string, caller: Caller): Promise<CatalogAnswer<CatalogItem | undefined>> {
    const answer = await this.#upstream.call({ path: `/items/${id}` }, caller)
    const { identity, status } = answer
    if (status === 404 && identity['x-served-by'] !== undefined) return { value: undefined, identity }
    return { value: answer.expect(200).json(isItem), identity }
  }

  /** Adds an item; the catalog numbers it. */
  async create (item: NewCatalogItem, caller: Caller): Promise<CatalogAnswer<void>> {
    const answer = await this.#upstream.call({ method: 'POST', path: '/items', body: item }, caller)
    return { value: undefined, identity: answer.expect(201).identity }
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
