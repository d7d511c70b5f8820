import { Type } from '@outfitters/service-kit'
import type { Static } from 'typebox'

/** A user in the shape of the public users API. */
export const User = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  username: Type.String(),
  email: Type.String(),
  address: Type.Object({
    street: Type.String(),
    suite: Type.String(),
    city: Type.String(),
    zipcode: Type.String(),
    geo: Type.Object({ lat: Type.String(), lng: Type.String() })
  }),
  phone: Type.String(),
  website: Type.String(),
  company: Type.Object({ name: Type.String(), catchPhrase: Type.String(), bs: Type.String() })
}, { title: 'User' })
export type User = Static<typeof User>
