import { RequestError } from '@outfitters/service-kit'
import type { Item, ItemInput } from './item.ts'

/** The most items that a catalog holds. Without a limit, a script with an endless loop could fill the pod's memory. */
export const MAX_ITEMS = 1000

const STOCK: Item[] = [
  { id: 1, color: 'amber', department: 'Eyewear', name: 'Elinor Glasses', price: '282.00' },
  { id: 2, color: 'cyan', department: 'Clothing', name: 'Atlas Shirt', price: '127.00' },
  { id: 3, color: 'teal', department: 'Clothing', name: 'Small Metal Shoes', price: '232.00' },
  { id: 4, color: 'red', department: 'Watches', name: 'Red Dragon Watch', price: '232.00' }
]

/** The items of one process. Each pod has its own items, and starts with the four of the book. */
export class Catalog {
  readonly #items = new Map(STOCK.map(item => [item.id, item]))
  #lastId = STOCK.length
  #list: Item[] | undefined

  /** All items, the oldest first. It returns the same array until an item changes, so callers must not change it. */
  list (): Item[] {
    this.#list ??= [...this.#items.values()]
    return this.#list
  }

  /** The item with this id; undefined if there is none. */
  get (id: number): Item | undefined {
    return this.#items.get(id)
  }

  /**
   * Adds an item under the next free id.
   *
   * @throws {RequestError} 409 CATALOG_FULL
   */
  add (input: ItemInput): Item {
    this.#requireSpace()
    do this.#lastId++; while (this.#items.has(this.#lastId))
    return this.#store(this.#lastId, input)
  }

  /**
   * Stores an item under the given id. An item that already has this id is replaced.
   *
   * @throws {RequestError} 409 CATALOG_FULL if the item is new and there is no space for it
   */
  put (id: number, input: ItemInput): { item: Item, created: boolean } {
    const created = !this.#items.has(id)
    if (created) this.#requireSpace()
    return { item: this.#store(id, input), created }
  }

  #requireSpace (): void {
    if (this.#items.size < MAX_ITEMS) return
    const full = `the catalog is full: it holds ${MAX_ITEMS} items, which is the maximum`
    throw new RequestError(409, 'CATALOG_FULL', `${full}; replace an item with PUT, or restart this pod`)
  }

  #store (id: number, { color, department, name, price, imageUrl }: ItemInput): Item {
    const item = { id, color, department, name, price, ...(imageUrl !== undefined && { imageUrl }) }
    this.#items.set(id, item)
    this.#list = undefined
    return item
  }
}
