// One cell for each request. Cells keep their places: the newest overwrites the oldest, like the beam of an oscilloscope.
import { element } from './dom.js'
import { hasFailed, legendKeyOf, styleOf, wordsFor } from './outcome.js'

/** @import { Outcome } from './outcome.js' */
/** @import { Sent } from './traffic.js' */

/** Fewer where they would fill more than a screen. */
const CELLS = matchMedia('(max-width: 44rem)').matches ? 120 : 320

export class Grid {
  #root
  #detail
  /** @type {HTMLButtonElement[]} */
  #cells
  #next = 0
  /** @type {HTMLButtonElement | undefined} */
  #reachable
  /** @type {Map<number, HTMLButtonElement>} cells of the requests under way, by number */
  #pending = new Map()
  /** @type {Map<HTMLButtonElement, { number: number, words: string[] }>} what became of each cell's request */
  #stories = new Map()

  /**
   * @param {HTMLElement} root
   * @param {HTMLElement} detail where a cell's story is told
   */
  constructor (root, detail) {
    this.#root = root
    this.#detail = detail
    this.#cells = Array.from({ length: CELLS }, () => element('button', { type: 'button', class: 'cell', tabindex: -1, disabled: true, 'aria-label': 'no request yet' }))
    root.append(...this.#cells)
    root.addEventListener('pointerover', event => this.#tell(event.target))
    root.addEventListener('focusin', event => this.#tell(event.target))
    root.addEventListener('click', event => this.#tell(event.target))
    root.addEventListener('keydown', event => this.#move(event))
  }

  /** @param {Sent} sent */
  sent ({ number }) {
    const cell = /** @type {HTMLButtonElement} */ (this.#cells[this.#next])
    this.#next = (this.#next + 1) % CELLS
    this.#cells[this.#next]?.classList.add('next')
    cell.className = 'cell pending'
    cell.disabled = false
    delete cell.dataset['attempt']
    this.#write(cell, number, ['under way'])
    this.#pending.set(number, cell)
    if (this.#reachable === undefined) this.#reach(cell)
  }

  /**
   * @param {Sent} sent
   * @param {Outcome} outcome
   */
  answered ({ number, header }, outcome) {
    const cell = this.#pending.get(number)
    this.#pending.delete(number)
    if (cell === undefined) return
    const { kind, version, attempt = 1 } = outcome
    cell.className = ['cell', kind, `key-${legendKeyOf(outcome)}`, hasFailed(outcome) ? 'failed' : '', version === undefined ? '' : styleOf(version), cell.classList.contains('next') ? 'next' : ''].filter(Boolean).join(' ')
    if (attempt > 1) cell.dataset['attempt'] = attempt > 9 ? '+' : String(attempt)
    const sentWith = header === undefined ? [] : [`sent with ${header.name}: ${header.value}`]
    this.#write(cell, number, [...wordsFor(outcome), ...sentWith])
    if (cell === document.activeElement || cell.matches(':hover')) this.#tell(cell)
  }

  /**
   * Shows all but these entries of the legend.
   *
   * @param {Set<string>} hidden
   * @param {string[]} all
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
    this.#stories.set(cell, { number, words })
    cell.setAttribute('aria-label', `request ${number}: ${words.join(', ')}`)
  }

  /** @param {EventTarget | null} target */
  #tell (target) {
    if (!(target instanceof HTMLButtonElement) || target.disabled) return
    this.#reach(target)
    const { number = 0, words: [first = '', ...rest] = [] } = this.#stories.get(target) ?? {}
    this.#detail.replaceChildren(element('span', { class: 'muted' }, `request ${number}`), ' ', element('strong', {}, first), ...rest.flatMap(word => [' ', element('span', { class: 'word' }, word)]))
  }

  /**
   * Of all cells one can be reached by Tab; arrow keys go on from there.
   *
   * @param {HTMLButtonElement} cell
   */
  #reach (cell) {
    if (this.#reachable !== undefined) this.#reachable.tabIndex = -1
    cell.tabIndex = 0
    this.#reachable = cell
  }

  /** @param {KeyboardEvent} event */
  #move (event) {
    const at = this.#cells.indexOf(/** @type {HTMLButtonElement} */ (event.target))
    const top = this.#cells[0]?.offsetTop
    const columns = this.#cells.findIndex(({ offsetTop }) => offsetTop !== top)
    const newest = (this.#next + CELLS - 1) % CELLS
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns, ArrowUp: at - columns, Home: 0, End: newest }[event.key]
    const cell = to === undefined ? undefined : this.#cells[to]
    if (to === undefined) return
    event.preventDefault()
    if (cell?.disabled === false) cell.focus()
  }
}
