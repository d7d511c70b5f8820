import type { ServerResponse } from 'node:http'

/** Requests that wait because a latency rule wants it. */
export class Delays {
  readonly #ends = new Set<() => void>()
  #released = false

  /** Calls `goOn` after `ms`; never when the caller has gone by then. */
  add (ms: number, response: ServerResponse, goOn: () => void): void {
    if (this.#released) return goOn()
    const end = () => {
      forget()
      goOn()
    }
    const timer = setTimeout(end, ms)
    const forget = () => {
      clearTimeout(timer)
      this.#ends.delete(end)
      response.off('close', forget)
    }
    response.once('close', forget)
    this.#ends.add(end)
  }

  /** Ends all of them, now and from now on: a service that ends does not wait on purpose. */
  release (): void {
    this.#released = true
    for (const end of this.#ends) end()
  }
}
