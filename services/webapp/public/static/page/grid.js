import { element } from './dom.js'
import { hasFailed, legendKeyOf, styleOf, wordsFor } from './outcome.js'
import { headerInWords } from './settings.js'

/** @import { Outcome } from './outcome.js' */
/** @import { Sent } from './traffic.js' */

/** How many requests are kept. A large screen has fewer cells. */
const MAX_KEPT = 1000

/**
 * A request as its cell shows it.
 *
 * @typedef {object} Request
 * @property {number} number
 * @property {string} classes
 * @property {string} [attempt] the digit in the cell
 * @property {string[]} words
 */

/**
 * One cell per request, as many as fit in whole rows. Cells stay in place: the newest request takes the cell of the
 * oldest.
 */
export class Grid {
  #root
  #detail
  /** @type {HTMLButtonElement[]} */
  #cells = []
  /** @type {Request[]} also more than there are cells, for a window that becomes larger */
  #latest = []
  /** @type {(Request | undefined)[]} the request of each cell */
  #requests = []
  #columns = 1
  #next = 0
  /** @type {Map<number, Request>} the requests in flight, by number */
  #pending = new Map()
  /** @type {Set<number>} the cells to draw, by index */
  #changed = new Set()
  /** @type {HTMLButtonElement | undefined} the cell that was drawn as the next one */
  #marked
  /** @type {HTMLButtonElement | undefined} */
  #focusable
  /** @type {Request | undefined} the request that the detail shows */
  #shown

  /**
   * @param {HTMLElement} root its style gives the size of the cells
   * @param {HTMLElement} detail shows the request of a cell
   */
  constructor (root, detail) {
    this.#root = root
    this.#detail = detail
    this.#fit()
    new ResizeObserver(() => this.#fit()).observe(root)
    for (const type of ['pointerover', 'focusin', 'click']) {
      root.addEventListener(type, ({ target }) => {
        if (target instanceof HTMLButtonElement && !target.disabled) this.#point(target)
      })
    }
    root.addEventListener('keydown', event => this.#move(event))
  }

  /**
   * Puts a request in flight into the next cell. The cell changes with the next call of `draw`.
   *
   * @param {Sent} sent
   */
  sent ({ number }) {
    const request = { number, classes: 'pending', words: ['in flight'] }
    this.#pending.set(number, request)
    this.#latest.push(request)
    if (this.#latest.length > MAX_KEPT) this.#latest.shift()
    this.#requests[this.#next] = request
    this.#changed.add(this.#next)
    this.#next = (this.#next + 1) % this.#cells.length
  }

  /**
   * Puts the outcome of a request into its cell. The cell changes with the next call of `draw`.
   *
   * @param {Sent} sent
   * @param {Outcome} outcome
   */
  answered ({ number, header }, outcome) {
    const request = this.#pending.get(number)
    this.#pending.delete(number)
    if (request === undefined) return
    const { kind, version, attempt = 1 } = outcome
    request.classes = [
      kind,
      `key-${legendKeyOf(outcome)}`,
      hasFailed(outcome) ? 'failed' : '',
      version === undefined ? '' : styleOf(version)
    ].filter(Boolean).join(' ')
    if (attempt > 1) request.attempt = attempt > 9 ? '+' : String(attempt)
    request.words = [...wordsFor(outcome), ...header === undefined ? [] : [`sent with ${headerInWords(header)}`]]
    this.#changed.add(this.#requests.indexOf(request)) // not found if a newer request has taken its cell
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

  /** Makes as many cells as fit, and puts the latest requests into them. */
  #fit () {
    const { gridTemplateColumns, gridAutoRows, rowGap, paddingTop } = getComputedStyle(this.#root)
    const gap = parseFloat(rowGap)
    const height = this.#root.clientHeight - 2 * parseFloat(paddingTop)
    const rows = Math.floor((height + gap) / (parseFloat(gridAutoRows) + gap))
    this.#columns = gridTemplateColumns.split(' ').length
    const count = Math.max(1, this.#columns * rows || 0)
    if (count === this.#cells.length) return

    const latest = this.#latest.slice(-count)
    this.#requests = Array.from({ length: count }, (_, index) => latest[index])
    this.#next = latest.length % count

    const empty = { type: 'button', class: 'cell', tabindex: -1, disabled: true, 'aria-label': 'no request yet' }
    for (const cell of this.#cells.splice(count)) cell.remove()
    const added = Array.from({ length: count - this.#cells.length }, () => element('button', empty))
    this.#cells.push(...added)
    this.#root.append(...added)
    this.#makeFocusable(this.#cells[0])
    this.#changed = new Set(latest.keys())
    this.draw()
  }

  /** Draws the cells that have changed. */
  draw () {
    if (this.#changed.size === 0) return
    for (const index of this.#changed) {
      const [cell, request] = [this.#cells[index], this.#requests[index]]
      if (cell !== undefined && request !== undefined) this.#drawCell(cell, request)
    }
    this.#changed.clear()
    this.#marked?.classList.remove('next')
    this.#marked = this.#cells[this.#next]
    this.#marked?.classList.add('next')
    if (this.#shown === undefined) return
    if (this.#requests.includes(this.#shown)) return this.#showDetail(this.#shown)
    this.#shown = undefined
    this.#detail.append(' (no longer in the grid)')
  }

  /**
   * @param {HTMLButtonElement} cell
   * @param {Request} request
   */
  #drawCell (cell, request) {
    const { number, classes, attempt, words } = request
    cell.className = `cell ${classes}`
    cell.disabled = false
    if (attempt === undefined) delete cell.dataset['attempt']
    else cell.dataset['attempt'] = attempt
    cell.setAttribute('aria-label', `request ${number}: ${words.join(', ')}`)
    if (cell === document.activeElement || cell.matches(':hover')) this.#shown = request
  }

  /** @param {HTMLButtonElement} cell the cell that the user points at, or moved to */
  #point (cell) {
    this.#makeFocusable(cell)
    const request = this.#requests[this.#cells.indexOf(cell)]
    if (request !== undefined) this.#showDetail(request)
  }

  /** @param {Request} request */
  #showDetail (request) {
    this.#shown = request
    const { number, words: [first = '', ...rest] } = request
    this.#detail.replaceChildren(
      element('span', { class: 'muted' }, `request ${number}`), ' ',
      element('strong', {}, first),
      ...rest.flatMap(word => [' ', element('span', { class: 'word' }, word)])
    )
  }

  /**
   * Makes this cell the one that the Tab key reaches. Arrow keys move from there.
   *
   * @param {HTMLButtonElement | undefined} cell
   */
  #makeFocusable (cell) {
    if (this.#focusable !== undefined) this.#focusable.tabIndex = -1
    if (cell !== undefined) cell.tabIndex = 0
    this.#focusable = cell
  }

  /** @param {KeyboardEvent} event */
  #move (event) {
    const at = this.#cells.indexOf(/** @type {HTMLButtonElement} */ (event.target))
    const count = this.#cells.length
    const to = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      ArrowDown: at + this.#columns,
      ArrowUp: at - this.#columns,
      Home: 0,
      End: (this.#next + count - 1) % count
    }[event.key]
    const cell = to === undefined ? undefined : this.#cells[to]
    if (to === undefined) return
    event.preventDefault()
    if (cell?.disabled === false) cell.focus()
  }
}
