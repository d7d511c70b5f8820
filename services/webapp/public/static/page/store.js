import { pictureUrl } from '../shared/picture.js'
import { byId, element } from './dom.js'
import { ItemForm } from './item-form.js'

/** @import { Outcome } from './outcome.js' */
/** @import { Summary } from './statistics.js' */
/** @import { Pod } from './seen.js' */
/** @import { Header } from './traffic.js' */

/**
 * @typedef {object} Item
 * @property {string} name
 * @property {string} color
 * @property {string} department
 * @property {string} price
 * @property {string} [imageUrl]
 */

const MAX_SHOWN = 24
/** The catalog counts as down after at least this many requests, if all recent ones failed. */
const DOWN_REQUESTS = 3
/**
 * After an item was added, the page sends up to this many requests to reach the pod that has it, even if the traffic is
 * paused.
 */
const MAX_AWAITING = 10

/** The items of the catalog. Each pod keeps its own items, so the page shows one pod's items at a time: its shelf. */
export class Store {
  #shelf
  #choice
  #options
  /** @type {Map<string, { version: string, body: string }>} the last list of each pod, by pod */
  #shelves = new Map()
  /** @type {string | undefined} the pod that the user chose */
  #chosen
  /** the content of the shelf as JSON; it is drawn only if it changes */
  #drawn = ''
  /** why the items are not available; empty if they are */
  #problem = ''
  /** @type {{ pod: string, requests: number } | undefined} the pod that added an item, and the requests left */
  #awaited

  /**
   * @param {object} options
   * @param {() => Header | undefined} options.header the header to send
   * @param {() => void} options.onAwaited called when the page should send one more request
   */
  constructor (options) {
    const root = byId('catalog', HTMLElement).closest('section')
    this.#shelf = /** @type {HTMLElement} */ (root?.querySelector('.shelf'))
    this.#choice = /** @type {HTMLElement} */ (root?.querySelector('.shelves'))
    this.#options = options
    const form = /** @type {HTMLFormElement} */ (root?.querySelector('.item-form'))
    new ItemForm(form, { header: options.header, onAdded: pod => this.#await(pod) }) // eslint-disable-line no-new
  }

  /**
   * Takes in the answer to a request for all items.
   *
   * @param {Outcome} outcome
   * @param {string} body
   */
  update ({ status, pod, version = '' }, body) {
    if (status === 200 && pod !== undefined) {
      this.#shelves.set(pod, { version, body })
      this.#draw()
    }

    if (this.#awaited === undefined) return
    if (pod === this.#awaited.pod || --this.#awaited.requests === 0) this.#awaited = undefined
    else this.#options.onAwaited()
  }

  /**
   * Removes the shelves of all other pods, and says whether the catalog is available. If no pod is left, it keeps
   * all shelves, so that the page shows items while the catalog is down.
   *
   * @param {Pod[]} pods the pods that the page has seen in the last minute
   * @param {Summary} recent the recent requests
   * @param {boolean} isWebappSilent
   */
  show (pods, { n, success }, isWebappSilent) {
    const names = new Set(pods.map(({ pod }) => pod))
    for (const pod of this.#shelves.keys()) if (names.size > 0 && !names.has(pod)) this.#shelves.delete(pod)
    if (success > 0) this.#problem = ''
    else if (isWebappSilent) this.#problem = 'The webapp does not answer.'
    else if (n >= DOWN_REQUESTS) this.#problem = 'The catalog service is currently not available.'
    this.#draw()
  }

  #draw () {
    const shelves = [...this.#shelves]
      .sort(([a, { version: x }], [b, { version: y }]) => x.localeCompare(y) || a.localeCompare(b))
    const shown = shelves.find(([pod]) => pod === this.#chosen) ??
      shelves.find(([, { body }]) => body.includes('"imageUrl"')) ??
      shelves[0]
    const drawn = JSON.stringify([shelves.map(([pod]) => pod), shown, this.#problem])
    if (drawn === this.#drawn || (shown === undefined && this.#problem === '')) return
    this.#drawn = drawn
    this.#drawChoice(shelves, shown?.[0])
    const lastKnown = shown === undefined ? '' : ' These are its last known items.'
    this.#shelf.replaceChildren(
      ...(this.#problem === '' ? [] : [element('p', { class: 'unavailable' }, this.#problem + lastKnown)]),
      ...(shown === undefined ? [] : cards(JSON.parse(shown[1].body)))
    )
  }

  /**
   * @param {[string, { version: string }][]} shelves
   * @param {string | undefined} shown
   */
  #drawChoice (shelves, shown) {
    const active = document.activeElement
    const focused = this.#choice.contains(active) ? active?.getAttribute('data-pod') : undefined
    this.#choice.replaceChildren(...shelves.map(([pod, { version }]) => {
      const attributes = { type: 'button', 'data-pod': pod, 'aria-pressed': String(pod === shown) }
      const button = element('button', attributes, version, ' ', element('span', { class: 'pod' }, pod))
      button.addEventListener('click', () => this.#choose(pod))
      return button
    }))
    for (const button of this.#choice.querySelectorAll('button')) if (button.dataset['pod'] === focused) button.focus()
  }

  /** @param {string} pod */
  #choose (pod) {
    this.#chosen = pod
    this.#draw()
  }

  /** @param {string} pod that added an item */
  #await (pod) {
    this.#choose(pod)
    this.#awaited = { pod, requests: MAX_AWAITING }
    this.#options.onAwaited()
  }
}

/** @param {Item[]} items */
function cards (items) {
  const list = element('ul', { class: 'cards' }, ...items.slice(-MAX_SHOWN).map(card))
  if (items.length <= MAX_SHOWN) return [list]
  return [list, element('p', { class: 'muted' }, `The latest ${MAX_SHOWN} of ${items.length} items.`)]
}

/** @param {Item} item */
function card ({ name, color, department, price, imageUrl }) {
  const picture = imageUrl === undefined
    ? element('span', { class: 'no-picture' })
    : element('img', { src: pictureUrl(imageUrl), alt: '', width: 640, height: 480 })
  return element('li', { class: 'card' },
    picture,
    element('h3', {}, name),
    element('p', { class: 'kind' }, [color, department].filter(Boolean).join(' · ')),
    element('p', { class: 'price' }, price))
}
