// Sends requests at a rate while the page is visible.

import { TIMEOUT_MS } from './outcome.js'

/** @import { Answer } from './outcome.js' */

/**
 * Browsers open six connections to a host. They queue further requests, and the page cannot see that. One connection
 * stays free for the page's other requests.
 */
const MAX_IN_FLIGHT = 5
/**
 * How soon a request looks for a free connection again, in milliseconds. Traffic at a low rate must not wait for its
 * next turn.
 */
const FULL_RETRY_MS = 100
/**
 * How long the state stays `full` after no connection was free, in milliseconds. With slow answers a connection is
 * free only for moments, and the message would flicker.
 */
const FULL_STAYS_MS = 1000

/** @typedef {'sending' | 'paused' | 'hidden' | 'full'} State */

/** @typedef {{ name: string, value: string }} Header */

/** @typedef {{ number: number, at: number, header: Header | undefined }} Sent */

/**
 * @typedef {object} TrafficOptions
 * @property {string} path relative to the page
 * @property {() => number} now the page's clock in milliseconds
 * @property {number} rate requests per second
 * @property {boolean} [paused]
 * @property {Header | undefined} [header]
 * @property {(sent: Sent) => void} [onSent]
 * @property {(sent: Sent, answer: Answer, ms: number) => void} onAnswered
 * @property {(state: State) => void} [onState]
 */

/** Sends GET requests at a rate. It pauses on demand, and while the page is hidden. */
export class Traffic {
  #options
  #number = 0
  /** the requests of all Traffic objects, because they share the browser's connections */
  static #inFlight = 0
  /** @type {State | undefined} */
  #state
  #fullUntil = 0
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer

  /** @param {TrafficOptions} options */
  constructor (options) {
    const noHeader = /** @type {Header | undefined} */ (undefined)
    this.#options = { paused: false, header: noHeader, onSent: () => {}, onState: () => {}, ...options }
    document.addEventListener('visibilitychange', () => this.#schedule(0))
    this.#schedule(0)
  }

  /** @param {Partial<Pick<TrafficOptions, 'rate' | 'paused' | 'header'>>} changes */
  change (changes) {
    Object.assign(this.#options, changes)
    this.#schedule(1000 / this.#options.rate)
  }

  /** @param {number} delay milliseconds until the next request */
  #schedule (delay) {
    clearTimeout(this.#timer)
    if (this.#options.paused) return this.#setState('paused')
    if (document.visibilityState === 'hidden') return this.#setState('hidden')
    const due = performance.now() + delay
    this.#timer = setTimeout(() => {
      const now = performance.now()
      const isFull = Traffic.#inFlight >= MAX_IN_FLIGHT
      if (isFull) this.#fullUntil = now + FULL_STAYS_MS
      this.#setState(now < this.#fullUntil ? 'full' : 'sending')
      if (isFull) return this.#schedule(Math.min(FULL_RETRY_MS, 1000 / this.#options.rate))
      this.send()
      // Counts from the due time, so that a busy browser keeps the rate. Missed requests are not sent later.
      this.#schedule(Math.max(0, due + 1000 / this.#options.rate - performance.now()))
    }, delay)
  }

  /** Sends one request immediately. */
  async send () {
    const { path, now, header, onSent, onAnswered } = this.#options
    const sent = { number: ++this.#number, at: now(), header }
    Traffic.#inFlight++
    onSent(sent)
    const start = performance.now()
    const answer = await get(path, header)
    Traffic.#inFlight--
    onAnswered(sent, answer, performance.now() - start)
  }

  /** @param {State} state */
  #setState (state) {
    if (state === this.#state) return
    this.#state = state
    this.#options.onState(state)
  }
}

/**
 * @param {string} path
 * @param {Header | undefined} header
 * @returns {Promise<Answer>}
 */
async function get (path, header) {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const response = await fetch(path, { headers: headersOf(header), cache: 'no-store', signal })
    return { status: response.status, headers: response.headers, body: await response.text() }
  } catch (error) {
    const timedOut = error instanceof DOMException && error.name === 'TimeoutError'
    return { status: 0, headers: new Headers(), body: '', timedOut }
  }
}

/**
 * The header as an object for `fetch`.
 *
 * @param {Header | undefined} header
 * @returns {Record<string, string>}
 */
export function headersOf (header) {
  return header === undefined ? {} : { [header.name]: header.value }
}
