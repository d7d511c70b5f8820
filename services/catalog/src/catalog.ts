import { RequestError } from '@outfitters/service-kit'
import type { Item, ItemInput } from './item.ts'

/** The most items that a catalog holds. Without a limit, a script with an endless loop could fill the pod's memory. */
export const MAX_ITEMS = 1000

/**
 * The most bytes of all items together, as JSON. Each client that reads the list needs a copy, and one thousand items
 * with the longest texts would have several megabytes.
 */
export const MAX_BYTES = 256 * 1024

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
  #bytes = STOCK.reduce((sum, item) => sum + bytesOf(item), 0)
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
    this.#requireSpace(bytesOf({ id: this.#lastId, ...input }))
    do this.#lastId++; while (this.#items.has(this.#lastId))
    return this.#store(this.#lastId, input)
  }

  /**
   * Stores an item under the given id. An item that already has this id is replaced.
   *
   * @throws {RequestError} 409 CATALOG_FULL if there is no space for it
   */
  put (id: number, input: ItemInput): { item: Item, created: boolean } {
    const present = this.#items.get(id)
    const created = present === undefined
    this.#requireSpace(bytesOf({ id, ...input }) - (present === undefined ? 0 : bytesOf(present)), { isNew: created })
    return { item: this.#store(id, input), created }
  }

  #requireSpace (bytes: number, { isNew = true } = {}): void {
    const hasSpace = bytes <= 0 || this.#bytes + bytes <= MAX_BYTES
    if (hasSpace && (!isNew || this.#items.size < MAX_ITEMS)) return
    const what = hasSpace ? `${MAX_ITEMS} items` : `${MAX_BYTES / 1024} KiB of items`
    const full = `the catalog is full: it holds at most ${what}`
    throw new RequestError(409, 'CATALOG_FULL', `${full}; replace an item with PUT, or restart this pod`)
  }

  #store (id: number, { color, department, name, price, imageUrl }: ItemInput): Item {
    const item = { id, color, department, name, price, ...(imageUrl !== undefined && { imageUrl }) }
    const before = this.#items.get(id)
    this.#bytes += bytesOf(item) - (before === undefined ? 0 : bytesOf(before))
    this.#items.set(id, item)
    this.#list = undefined
    return item
  }
}

/** The bytes of an item as JSON. */
const bytesOf = (item: ItemInput) => Buffer.byteLength(JSON.stringify(item))
