import { Type, type Static } from 'typebox'

/** An item as it is sent. What is left out of color and department is empty, as the book's webapp has always sent it. */
export const ItemInput = Type.Object({
  id: Type.Optional(Type.Integer({ description: 'ignored when an item is added: the catalog numbers them' })),
  color: Type.String({ default: '', maxLength: 100 }),
  department: Type.String({ default: '', maxLength: 100 }),
  name: Type.String({ minLength: 1, maxLength: 200 }),
  price: Type.String({ pattern: '^[0-9]{1,9}([.][0-9]{1,2})?$', description: 'a decimal number in quotes, such as "84.00"' }),
  imageUrl: Type.Optional(Type.String({ maxLength: 2048, pattern: '^(https?://|/)[!-~]*$', description: 'an http(s) URL or a path' }))
}, { additionalProperties: false, title: 'ItemInput' })
export type ItemInput = Static<typeof ItemInput>

/** An item as it is shown: in this order, imageUrl in version 2 alone. */
export const Item = Type.Object({
  id: Type.Integer(),
  color: Type.String(),
  department: Type.String(),
  name: Type.String(),
  price: Type.String(),
  imageUrl: Type.Optional(Type.String())
}, { title: 'Item' })
export type Item = Static<typeof Item>
