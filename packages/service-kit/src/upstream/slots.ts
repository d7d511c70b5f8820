/** Lets a limited number of calls run at the same time. Further ones wait, the oldest first. */
export class Slots {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor (size: number) {
    this.#free = size
  }

  /**
   * Starts a call as soon as a slot is free.
   *
   * @returns a function for when the call is over, or no longer wanted; it may be called several times
   */
  take (start: () => void): () => void {
    let hasSlot = false
    const run = () => {
      hasSlot = true
      start()
    }
    if (this.#free > 0) {
      this.#free--
      run()
    } else {
      this.#waiting.add(run)
    }
    return () => {
      this.#waiting.delete(run)
      if (!hasSlot) return
      hasSlot = false
      const [next] = this.#waiting
      if (next === undefined) this.#free++
      else {
        this.#waiting.delete(next)
        next()
      }
    }
  }
}
