// Requests at a rate, for as long as somebody looks.

/** @import { Answer } from './outcome.js' */
/** @import { Header } from './seen.js' */

/** After that an answer comes too late. */
export const GIVE_UP_MS = 5000

/**
 * Browsers open six connections to a host, and let further requests wait unseen. One is left for whatever else the page asks.
 */
const MAX_UNDER_WAY = 5
/** How soon a connection is looked for again where none was free, in milliseconds; traffic that is rare must not wait for its next turn. */
const FULL_MS = 100

/** So long it counts as full after it was, in milliseconds: with slow answers a connection is free for a moment, and none is the next. */
const FULL_STAYS_MS = 1000

/** @typedef {'sending' | 'paused' | 'hidden' | 'full'} State */

/** @typedef {{ number: number, header: Header | undefined }} Sent */

/**
 * @typedef {object} TrafficOptions
 * @property {string} path relative to the page
 * @property {number} rate requests a second
 * @property {boolean} [paused]
 * @property {Header | undefined} [header]
 * @property {(sent: Sent) => void} [onSent]
 * @property {(sent: Sent, answer: Answer, ms: number) => void} onAnswered
 * @property {(state: State) => void} [onState]
 */

/** Sends GETs at a rate: paused by hand, and while the page is hidden. */
export class Traffic {
  #options
  #number = 0
  /** of all traffic, since the connections are shared */
  static #underWay = 0
  /** @type {State | undefined} */
  #state
  #fullUntil = 0
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer

  /** @param {TrafficOptions} options */
  constructor (options) {
    this.#options = { paused: false, header: /** @type {Header | undefined} */ (undefined), onSent: () => {}, onState: () => {}, ...options }
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
    if (this.#options.paused) return this.#become('paused')
    if (document.visibilityState === 'hidden') return this.#become('hidden')
    const due = performance.now() + delay
    this.#timer = setTimeout(() => {
      const now = performance.now()
      const isFull = Traffic.#underWay >= MAX_UNDER_WAY
      if (isFull) this.#fullUntil = now + FULL_STAYS_MS
      this.#become(now < this.#fullUntil ? 'full' : 'sending')
      if (isFull) return this.#schedule(Math.min(FULL_MS, 1000 / this.#options.rate))
      this.send()
      // From when it was due, so that a busy browser does not lower the rate; but what was missed is not caught up.
      this.#schedule(Math.max(0, due + 1000 / this.#options.rate - performance.now()))
    }, delay)
  }

  /** One request, at once. */
  async send () {
    const { path, header, onSent, onAnswered } = this.#options
    const sent = { number: ++this.#number, header }
    Traffic.#underWay++
    onSent(sent)
    const start = performance.now()
    const answer = await ask(path, header)
    Traffic.#underWay--
    onAnswered(sent, answer, performance.now() - start)
  }

  /** @param {State} state */
  #become (state) {
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
async function ask (path, header) {
  try {
    const response = await fetch(path, { headers: headersOf(header), cache: 'no-store', signal: AbortSignal.timeout(GIVE_UP_MS) })
    return { status: response.status, headers: response.headers, body: await response.text() }
  } catch (error) {
    return { status: 0, headers: new Headers(), body: '', gaveUp: error instanceof DOMException && error.name === 'TimeoutError' }
  }
}

/**
 * @param {Header | undefined} header
 * @returns {Record<string, string>}
 */
export function headersOf (header) {
  return header === undefined ? {} : { [header.name]: header.value }
}
