import { hash } from 'node:crypto'

/**
 * A stream of uniform numbers in [0, 1) that depends only on its key: number n is the first 48 bits of SHA-256 of
 * `key/n`. A generator with a state would be faster, but a microsecond per number is short compared with a request. In
 * return, streams with different keys are independent, and you can check a number with `sha256sum`.
 */
export class Draws {
  readonly key: string
  #taken = 0

  constructor (key: string) {
    this.key = key
  }

  /** How many numbers have been drawn. */
  get taken (): number {
    return this.#taken
  }

  /** Draws the next number. */
  next (): number {
    return hash('sha256', `${this.key}/${this.#taken++}`, 'buffer').readUIntBE(0, 6) / 2 ** 48
  }
}
