import type { Item } from './item.ts'

/**
 * Returns a function that gives the URL of an item's picture. An item's own imageUrl comes first, then `override`, then
 * a picture of the webapp. The webapp has a picture for each item of the book, and answers every other path below
 * /images with a generic one.
 */
export function imageUrls (override?: string): (item: Item) => string {
  return ({ name, imageUrl }) => imageUrl ?? override ?? `/images/${slug(name)}.svg`
}

/** `Elinor Glasses` becomes `elinor-glasses`; a name without ASCII letters or digits becomes `item`. */
function slug (name: string): string {
  return name.toLowerCase().match(/[a-z0-9]+/g)?.join('-').slice(0, 64) ?? 'item'
}
