import type { Item } from './item.ts'

/**
 * Where an item's picture is: its own imageUrl where it was given one, else `override`, else a picture of the webapp, which has
 * one for each of the book's items and a generic one for whatever else is asked for below /images.
 */
export function imageUrls (override?: string): (item: Item) => string {
  return ({ name, imageUrl }) => imageUrl ?? override ?? `/images/${slug(name)}.svg`
}

/** `Elinor Glasses` as `elinor-glasses`; `item` where nothing is left of a name. */
function slug (name: string): string {
  return name.toLowerCase().match(/[a-z0-9]+/g)?.join('-').slice(0, 64) ?? 'item'
}
