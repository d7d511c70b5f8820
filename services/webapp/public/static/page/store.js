// The catalog as one shops in it, shelf by shelf: each pod keeps its own items. And the form that adds one.
import { byId, element, sayBeside } from './dom.js'
import { headersOf } from './traffic.js'

/** @import { Outcome } from './outcome.js' */
/** @import { Header, Pod } from './seen.js' */

/**
 * @typedef {object} Item
 * @property {string} name
 * @property {string} color
 * @property {string} department
 * @property {string} price
 * @property {string} [imageUrl]
 */

const MAX_SHOWN = 24
/** Where there was nothing else for so long, in so many answers, the catalog is down: a fault that hits one in two has five in a row every few seconds. */
const DOWN_MS = 5000
const FAILURES = 10
/** So many requests go to see the shelf with a new item, in case that none are sent otherwise. */
const TRIES = 10

export class Store {
  #shelf
  #choice
  #form
  #note
  #options
  /** @type {Map<string, { version: string, body: string }>} what each pod's list was last, by pod */
  #shelves = new Map()
  /** @type {string | undefined} the pod that was chosen */
  #chosen
  /** what is drawn, so that it is not drawn again */
  #drawn = ''
  #failures = 0
  /** when the first of them was */
  #failingSince = 0
  #isDown = false
  /** @type {{ pod: string, tries: number } | undefined} the pod that has taken an item: one of many, so that it takes some requests to see its shelf */
  #awaited

  /** @param {{ header: () => Header | undefined, onAdded: () => void }} options */
  constructor (options) {
    const root = byId('catalog', HTMLElement).closest('section')
    this.#shelf = /** @type {HTMLElement} */ (root?.querySelector('.shelf'))
    this.#choice = /** @type {HTMLElement} */ (root?.querySelector('.shelves'))
    this.#form = /** @type {HTMLFormElement} */ (root?.querySelector('.item-form'))
    this.#note = /** @type {HTMLElement} */ (root?.querySelector('.form-note'))
    this.#options = options
    this.#form.noValidate = true // the messages stand beside the fields
    this.#form.addEventListener('submit', event => {
      event.preventDefault()
      this.#submit()
    })
  }

  /**
   * @param {Outcome} outcome
   * @param {string} body
   * @param {number} now milliseconds
   */
  saw ({ status, pod, version = '' }, body, now) {
    if (status === 200) this.#failures = 0
    else if (this.#failures++ === 0) this.#failingSince = now
    const wasDown = this.#isDown
    this.#isDown = this.#failures >= FAILURES && now - this.#failingSince >= DOWN_MS
    if (status === 200 && pod !== undefined) this.#shelves.set(pod, { version, body })
    if (status === 200 || this.#isDown !== wasDown) this.#draw()
    if (this.#awaited === undefined) return
    if (pod === this.#awaited.pod || --this.#awaited.tries === 0) this.#awaited = undefined
    else this.#options.onAdded()
  }

  /** @param {Pod[]} pods those that were seen in the last minute */
  keep (pods) {
    const names = new Set(pods.map(({ pod }) => pod))
    if (names.size === 0) return // so that something stands there while the catalog is down
    for (const pod of this.#shelves.keys()) if (!names.has(pod)) this.#shelves.delete(pod)
    this.#draw()
  }

  #draw () {
    const shelves = [...this.#shelves].sort(([a, { version: x }], [b, { version: y }]) => x.localeCompare(y) || a.localeCompare(b))
    const shown = shelves.find(([pod]) => pod === this.#chosen) ?? shelves.find(([, { body }]) => body.includes('"imageUrl"')) ?? shelves[0]
    const drawn = JSON.stringify([shelves.map(([pod]) => pod), shown, this.#isDown])
    if (drawn === this.#drawn || (shown === undefined && !this.#isDown)) return
    this.#drawn = drawn

    const focused = this.#choice.contains(document.activeElement) ? document.activeElement?.getAttribute('data-pod') : undefined
    this.#choice.replaceChildren(...shelves.map(([pod, { version }]) => {
      const button = element('button', { type: 'button', 'data-pod': pod, 'aria-pressed': String(pod === shown?.[0]) }, version, ' ', element('span', { class: 'pod' }, pod))
      button.addEventListener('click', () => this.#choose(pod))
      return button
    }))
    for (const button of this.#choice.querySelectorAll('button')) if (button.dataset['pod'] === focused) button.focus()
    this.#shelf.replaceChildren(
      ...(this.#isDown ? [element('p', { class: 'unavailable' }, 'The catalog service is currently not available.', ...(shown === undefined ? [] : [' This is what it had.']))] : []),
      ...(shown === undefined ? [] : cards(JSON.parse(shown[1].body)))
    )
  }

  /** @param {string} pod */
  #choose (pod) {
    this.#chosen = pod
    this.#draw()
  }

  #inputs () {
    return [...this.#form.querySelectorAll('input')]
  }

  async #submit () {
    const inputs = this.#inputs()
    for (const input of inputs) {
      input.value = input.value.trim()
      sayBeside(input.id, input.validity.valid ? undefined : input.dataset['problem'])
    }
    const wrong = inputs.find(input => !input.validity.valid)
    if (wrong !== undefined) {
      this.#say('')
      return wrong.focus()
    }

    this.#say('Adding …')
    const item = Object.fromEntries(inputs.filter(({ value }) => value !== '').map(({ name, value }) => [name, value]))
    try {
      const answer = await fetch('api/catalog/items', { method: 'POST', headers: { 'content-type': 'application/json', ...headersOf(this.#options.header()) }, body: JSON.stringify(item) })
      const text = await answer.text()
      if (answer.ok) this.#added(answer.headers.get('x-served-by') ?? 'unknown')
      else if (answer.status === 400) this.#refused(text)
      else this.#say(`The catalog did not take it: ${answer.status}${answer.headers.has('x-chaos') ? ', an injected fault' : ''}. Try again.`, true)
    } catch {
      this.#say('The catalog did not take it: no answer. Try again.', true)
    }
  }

  /** @param {string} pod */
  #added (pod) {
    this.#form.reset()
    for (const input of this.#inputs()) input.value = '' // a form that came back with values resets to those
    this.#say(`Added, in pod ${pod}: each pod keeps its own items.`)
    this.#choose(pod)
    this.#awaited = { pod, tries: TRIES }
    this.#options.onAdded()
  }

  /**
   * The lines below the first say which field is wrong, as in `body/price must be …`.
   *
   * @param {string} text
   */
  #refused (text) {
    const reasons = text.split('\n').slice(1)
    for (const { id, name, dataset } of this.#inputs()) {
      const isWrong = reasons.some(reason => reason.startsWith(`body/${name} `) || reason.includes(`'${name}'`))
      sayBeside(id, isWrong ? dataset['problem'] : undefined)
    }
    this.#say(reasons.join('; ') || text, true)
  }

  /**
   * @param {string} text
   * @param {boolean} [isError]
   */
  #say (text, isError = false) {
    this.#note.textContent = text
    this.#note.classList.toggle('error', isError)
  }
}

/** @param {Item[]} items */
function cards (items) {
  const list = element('ul', { class: 'cards' }, ...items.slice(-MAX_SHOWN).map(({ name, color, department, price, imageUrl }) => element('li', { class: 'card' },
    imageUrl === undefined ? element('span', { class: 'no-picture' }) : element('img', { src: imageUrl.replace(/^\/(?!\/)/, ''), alt: '', width: 640, height: 480 }),
    element('h3', {}, name),
    element('p', { class: 'kind' }, [color, department].filter(Boolean).join(' · ')),
    element('p', { class: 'price' }, price))))
  return items.length > MAX_SHOWN ? [list, element('p', { class: 'muted' }, `The latest ${MAX_SHOWN} of ${items.length}.`)] : [list]
}
