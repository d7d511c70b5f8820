import type { Call } from '../../judge/load.ts'

/** The call succeeded. */
export const answered = ({ status }: Call) => status === 200

/** The webapp could not get the catalog: this is its answer then, with the book's text. */
export const failed = ({ status, body }: Call) => status === 500 && body === 'error calling Catalog service'

/** Makes a predicate: this version of the catalog answered, with success. */
export const from = (expected: string) => ({ status, version }: Call) => status === 200 && version === expected

/** Makes a predicate: the webapp received this status for its call to the catalog. Its own answer may have another. */
export const receivedStatus = (status: number) => ({ headers }: Call) =>
  headers['proxy-status'] === `outfitters; received-status=${status}`

/** The answer has pictures: version 2 of the catalog gave it. */
export const hasImages = ({ status, body }: Call) => status === 200 && body.includes('imageUrl')

/** The answer has no pictures: version 1 of the catalog gave it. */
export const hasNoImages = ({ status, body }: Call) => status === 200 && !body.includes('imageUrl')
