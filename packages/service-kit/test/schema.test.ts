import { Type as TypeBox } from 'typebox'
import { expect, test } from 'vitest'
import { Type } from '../src/schema.ts'

test.each<[string, (type: typeof Type) => object]>([
  ['an object', type => type.Object({
    id: type.Integer({ minimum: 1 }),
    price: type.Optional(type.Number({ description: 'in dollars' })),
    tags: type.Optional(type.Array(type.String({ maxLength: 9 }), { maxItems: 3 })),
    isNew: type.Boolean()
  }, { title: 'Item', additionalProperties: false })],
  ['an object whose properties are all optional', type => type.Object({ a: type.Optional(type.Null()) })],
  ['an optional property of an optional property', type =>
    type.Object({ a: type.Optional(type.Object({ b: type.Optional(type.Unknown()) })) })],
  ['one of some values', type => type.Enum(['v1', 'v2'], { description: 'a version' })],
  ['a record', type => type.Record(type.String({ pattern: '^[a-z]+$' }), type.Integer(), { maxProperties: 2 })],
  ['a record of any keys', type => type.Record(type.String(), type.Number())],
  ['a schema of one\'s own', type => type.Unsafe({ type: 'string', format: 'uri' })]
])('the schema of %s is the same text as TypeBox\'s', (_what, schemaOf) => {
  expect(JSON.stringify(schemaOf(Type))).toBe(JSON.stringify(schemaOf(TypeBox as unknown as typeof Type)))
})
