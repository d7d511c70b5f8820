import { RequestError } from '@outfitters/service-kit'
import type { Item, ItemInput } from './item.ts'

/** So that a loop in somebody's script cannot fill the pod's memory. */
export const MAX_ITEMS = 1000

const STOCK: Item[] = [
  { id: 1, color: 'amber', department: 'Eyewear', name: 'Elinor Glasses', price: '282.00' },
  { id: 2, color: 'cyan', department: 'Clothing', name: 'Atlas Shirt', price: '127.00' },
  { id: 3, color: 'teal', department: 'Clothing', name: 'Small Metal Shoes', price: '232.00' },
  { id: 4, color: 'red', department: 'Watches', name: 'Red Dragon Watch', price: '232.00' }
]

/** The items of one process: each pod has its own, and starts with the book's four. */
export class Catalog {
  readonly #items = new Map(STOCK.map(item => [item.id, item]))
  #lastId = STOCK.length
  #list: readonly Item[] | undefined

  /** All items, the oldest first. As long as nothing changes it is the same array. */
  list (): readonly Item[] {
    this.#list ??= [...this.#items.values()]
    return this.#list
  }

  /** The item of that number, if there is one. */
  get (id: number): Item | undefined {
    return this.#items.get(id)
  }

  /**
   * Adds an item under the next free number.
   *
   * @throws {RequestError} 409 CATALOG_FULL
   */
  add (input: ItemInput): Item {
    this.#makeSureOfRoom()
    do this.#lastId++; while (this.#items.has(this.#lastId))
    return this.#store(this.#lastId, input)
  }

  /**
   * Puts an item under the number it is to have, in place of the one that is there.
   *
   * @throws {RequestError} 409 CATALOG_FULL when it would be one more
   */
  put (id: number, input: ItemInput): { item: Item, created: boolean } {
    const created = !this.#items.has(id)
    if (created) this.#makeSureOfRoom()
    return { item: this.#store(id, input), created }
  }

  #makeSureOfRoom (): void {
    if (this.#items.size >= MAX_ITEMS) {
      throw new RequestError(409, 'CATALOG_FULL', `the catalog holds ${MAX_ITEMS} items and takes no more; replace one by PUT, or restart this pod`)
    }
  }

  #store (id: number, { color, department, name, price, imageUrl }: ItemInput): Item {
    const item = { id, color, department, name, price, ...(imageUrl !== undefined && { imageUrl }) }
    this.#items.set(id, item)
    this.#list = undefined
    return item
  }
}
