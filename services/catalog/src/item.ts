import { Type } from '@outfitters/service-kit'
import type { Static } from 'typebox'

/** An item as a client sends it. A missing color or department becomes an empty string, as in the book's webapp. */
export const ItemInput = Type.Object({
  id: Type.Optional(Type.Integer({ description: 'ignored when an item is added: the catalog assigns the id' })),
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
}, { additionalProperties: false, title: 'ItemInput' })
export type ItemInput = Static<typeof ItemInput>

/** An item as the catalog answers it, in this order of keys. Only version 2 has an imageUrl. */
export const Item = Type.Object({
  id: Type.Integer(),
  color: Type.String(),
  department: Type.String(),
  name: Type.String(),
  price: Type.String(),
  imageUrl: Type.Optional(Type.String())
}, { title: 'Item' })
export type Item = Static<typeof Item>
