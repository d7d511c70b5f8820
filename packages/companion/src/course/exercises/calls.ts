import type { Call } from '../../judge/load.ts'

/** The webapp's answer where the catalog has failed, in the book's words. */
export const failed = ({ status, body }: Call) => status === 500 && body === 'error calling Catalog service'

/** The webapp heard this status of the catalog, whatever its own answer says. */
export const receivedStatus = (status: number) => ({ headers }: Call) => headers['proxy-status'] === `outfitters; received-status=${status}`

/** Only version 2 of the catalog has pictures. */
export const hasImages = ({ status, body }: Call) => status === 200 && body.includes('imageUrl')

/** The call succeeded. */
export const answered = ({ status }: Call) => status === 200

/** Makes a predicate: the call succeeded, and this version of the catalog answered. */
export const from = (expected: string) => ({ status, version }: Call) => status === 200 && version === expected

export const hasNoImages = ({ status, body }: Call) => status === 200 && !body.includes('imageUrl')
