import type { Type as TypeBox } from 'typebox'

type Options = Record<string, unknown>
type Schema = Record<string, unknown>

const optional = new WeakSet<Schema>()
const ofType = (type: string) => (options?: Options): Schema => ({ type, ...options })

const builders = {
  Array: (items: Schema, options?: Options): Schema => ({ type: 'array', items, ...options }),
  Boolean: ofType('boolean'),
  Enum: (values: readonly string[], options?: Options): Schema => ({ enum: values, ...options }),
  Integer: ofType('integer'),
  Null: ofType('null'),
  Number: ofType('number'),
  Object (properties: Record<string, Schema>, options?: Options): Schema {
    const required = Object.keys(properties).filter(name => !optional.has(properties[name] as Schema))
    return { type: 'object', ...(required.length > 0 && { required }), properties, ...options }
  },
  Optional (schema: Schema): Schema {
    const copy = { ...schema }
    optional.add(copy)
    return copy
  },
  Record: ({ pattern = '^.*$' }: Schema, values: Schema, options?: Options): Schema =>
    ({ type: 'object', patternProperties: { [String(pattern)]: values }, ...options }),
  String: ofType('string'),
  Unknown: (options?: Options): Schema => ({ ...options }),
  Unsafe: (schema: Schema): Schema => ({ ...schema })
}

/**
 * Makes JSON schemas that carry TypeScript types, exactly as TypeBox's `Type` does: the types are TypeBox's own. Only
 * the code is not: TypeBox loads 300 modules, which took a third of the CPU time of a service's start.
 */
export const Type = builders as unknown as Pick<typeof TypeBox, keyof typeof builders>
