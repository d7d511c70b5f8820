/**
 * The time of the page, in milliseconds. It stands still while the traffic is paused or the page is hidden, so that
 * the figures, the charts and the graph freeze instead of becoming empty.
 */
export class Clock {
  /** how long the clock has stood still in total */
  #lost = 0
  /** @type {number | undefined} since when the clock stands still */
  #stoppedAt
  #isPaused

  /** @param {boolean} isPaused */
  constructor (isPaused) {
    this.#isPaused = isPaused
    document.addEventListener('visibilitychange', () => this.#update())
    this.#update()
  }

  /** Milliseconds since some fixed time. */
  now () {
    return (this.#stoppedAt ?? performance.now()) - this.#lost
  }

  /** @param {boolean} isPaused */
  pause (isPaused) {
    this.#isPaused = isPaused
    this.#update()
  }

  #update () {
    const mustStop = this.#isPaused || document.visibilityState === 'hidden'
    if (mustStop === (this.#stoppedAt !== undefined)) return
    if (this.#stoppedAt !== undefined) this.#lost += performance.now() - this.#stoppedAt
    this.#stoppedAt = mustStop ? performance.now() : undefined
  }
}
