import type { ServerResponse } from 'node:http'

/** The most requests to delay, so that a long delay leaves room for the requests that no rule hits. */
export const MAX_DELAYED = 500

/** Requests that a rule delays. */
export class Delays {
  readonly #ends = new Set<() => void>()
  #released = false

  /** Whether no further request may be delayed. */
  get isFull (): boolean {
    return this.#ends.size >= MAX_DELAYED
  }

  /** Calls `proceed` after `ms` milliseconds, but not if the client has disconnected by then. */
  add (ms: number, response: ServerResponse, proceed: () => void): void {
    if (this.#released) return proceed()
    const end = () => {
      forget()
      proceed()
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

  /** Ends all delays and starts no new ones, so that a closing service does not wait for them. */
  release (): void {
    this.#released = true
    for (const end of this.#ends) end()
  }
}
