import { element } from './dom.js'
import { hasFailed, legendKeyOf, styleOf, wordsFor } from './outcome.js'

/** @import { Outcome } from './outcome.js' */
/** @import { Sent } from './traffic.js' */

/** A phone has fewer cells, so that they fit on one screen. */
const CELLS = matchMedia('(max-width: 44rem)').matches ? 120 : 320

/** One cell per request. Cells stay in place: the newest request takes the cell of the oldest. */
export class Grid {
  #root
  #detail
  /** @type {HTMLButtonElement[]} */
  #cells
  #next = 0
  /** @type {HTMLButtonElement | undefined} */
  #focusable
  /** @type {Map<number, HTMLButtonElement>} the cells of requests in flight, by number */
  #pending = new Map()
  /** @type {Map<HTMLButtonElement, { number: number, words: string[] }>} the request of each cell */
  #details = new Map()

  /**
   * @param {HTMLElement} root
   * @param {HTMLElement} detail shows the request of a cell
   */
  constructor (root, detail) {
    this.#root = root
    this.#detail = detail
    const empty = { type: 'button', class: 'cell', tabindex: -1, disabled: true, 'aria-label': 'no request yet' }
    this.#cells = Array.from({ length: CELLS }, () => element('button', empty))
    root.append(...this.#cells)
    root.addEventListener('pointerover', event => this.#showDetail(event.target))
    root.addEventListener('focusin', event => this.#showDetail(event.target))
    root.addEventListener('click', event => this.#showDetail(event.target))
    root.addEventListener('keydown', event => this.#move(event))
  }

  /**
   * Marks the next cell as a request in flight.
   *
   * @param {Sent} sent
   */
  sent ({ number }) {
    const cell = /** @type {HTMLButtonElement} */ (this.#cells[this.#next])
    this.#next = (this.#next + 1) % CELLS
    this.#cells[this.#next]?.classList.add('next')
    cell.className = 'cell pending'
    cell.disabled = false
    delete cell.dataset['attempt']
    this.#write(cell, number, ['in flight'])
    this.#pending.set(number, cell)
    if (this.#focusable === undefined) this.#makeFocusable(cell)
  }

  /**
   * Shows the outcome of a request in its cell.
   *
   * @param {Sent} sent
   * @param {Outcome} outcome
   */
  answered ({ number, header }, outcome) {
    const cell = this.#pending.get(number)
    this.#pending.delete(number)
    if (cell === undefined) return
    const { kind, version, attempt = 1 } = outcome
    cell.className = [
      'cell',
      kind,
      `key-${legendKeyOf(outcome)}`,
      hasFailed(outcome) ? 'failed' : '',
      version === undefined ? '' : styleOf(version),
      cell.classList.contains('next') ? 'next' : ''
    ].filter(Boolean).join(' ')
    if (attempt > 1) cell.dataset['attempt'] = attempt > 9 ? '+' : String(attempt)
    const sentWith = header === undefined ? [] : [`sent with ${header.name}: ${header.value}`]
    this.#write(cell, number, [...wordsFor(outcome), ...sentWith])
    if (cell === document.activeElement || cell.matches(':hover')) this.#showDetail(cell)
  }

  /**
   * Hides the requests of these entries of the legend.
   *
   * @param {Set<string>} hidden
   * @param {string[]} all all entries
   */
  hide (hidden, all) {
    for (const key of all) this.#root.classList.toggle(`without-${key}`, hidden.has(key))
  }

  /**
   * @param {HTMLButtonElement} cell
   * @param {number} number
   * @param {string[]} words
   */
  #write (cell, number, words) {
    this.#details.set(cell, { number, words })
    cell.setAttribute('aria-label', `request ${number}: ${words.join(', ')}`)
  }

  /** @param {EventTarget | null} target */
  #showDetail (target) {
    if (!(target instanceof HTMLButtonElement) || target.disabled) return
    this.#makeFocusable(target)
    const { number = 0, words: [first = '', ...rest] = [] } = this.#details.get(target) ?? {}
    this.#detail.replaceChildren(
      element('span', { class: 'muted' }, `request ${number}`), ' ',
      element('strong', {}, first),
      ...rest.flatMap(word => [' ', element('span', { class: 'word' }, word)])
    )
  }

  /**
   * Makes this cell the one that the Tab key reaches. Arrow keys move from there.
   *
   * @param {HTMLButtonElement} cell
   */
  #makeFocusable (cell) {
    if (this.#focusable !== undefined) this.#focusable.tabIndex = -1
    cell.tabIndex = 0
    this.#focusable = cell
  }

  /** @param {KeyboardEvent} event */
  #move (event) {
    const at = this.#cells.indexOf(/** @type {HTMLButtonElement} */ (event.target))
    const top = this.#cells[0]?.offsetTop
    const columns = this.#cells.findIndex(({ offsetTop }) => offsetTop !== top)
    const newest = (this.#next + CELLS - 1) % CELLS
    const to = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      ArrowDown: at + columns,
      ArrowUp: at - columns,
      Home: 0,
      End: newest
    }[event.key]
    const cell = to === undefined ? undefined : this.#cells[to]
    if (to === undefined) return
    event.preventDefault()
    if (cell?.disabled === false) cell.focus()
  }
}
