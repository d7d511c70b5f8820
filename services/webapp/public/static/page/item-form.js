import { isAboutField } from '../shared/field-errors.js'
import { showFieldError } from './dom.js'
import { headersOf } from './traffic.js'

/** @import { Header } from './traffic.js' */

/**
 * @typedef {object} ItemFormOptions
 * @property {() => Header | undefined} header the header to send
 * @property {(pod: string) => void} onAdded called with the pod that added the item
 */

/** The form that adds an item to the catalog. */
export class ItemForm {
  #form
  #note
  #options

  /**
   * @param {HTMLFormElement} form
   * @param {ItemFormOptions} options
   */
  constructor (form, options) {
    this.#form = form
    this.#note = /** @type {HTMLElement} */ (form.querySelector('.form-note'))
    this.#options = options
    form.noValidate = true // the page shows its own messages beside the fields
    form.addEventListener('submit', event => {
      event.preventDefault()
      this.#submit()
    })
  }

  #inputs () {
    return [...this.#form.querySelectorAll('input')]
  }

  #submit () {
    const inputs = this.#inputs()
    for (const input of inputs) {
      input.value = input.value.trim()
      showFieldError(input.id, input.validity.valid ? undefined : input.dataset['problem'])
    }
    const invalid = inputs.find(input => !input.validity.valid)
    if (invalid === undefined) return this.#send(inputs)
    this.#say('')
    invalid.focus()
  }

  /** @param {HTMLInputElement[]} inputs */
  async #send (inputs) {
    this.#say('Adding …')
    const filled = inputs.filter(({ value }) => value !== '')
    const item = Object.fromEntries(filled.map(({ name, value }) => [name, value]))
    try {
      const answer = await fetch('api/catalog/items', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headersOf(this.#options.header()) },
        body: JSON.stringify(item)
      })
      const text = await answer.text()
      if (answer.ok) return this.#showAdded(answer.headers.get('x-served-by') ?? 'unknown')
      if (answer.status === 400) return this.#showErrors(text)
      this.#showFailure(`${answer.status}${answer.headers.has('x-chaos') ? ', an injected fault' : ''}`)
    } catch {
      this.#showFailure('no answer')
    }
  }

  /** @param {string} pod */
  #showAdded (pod) {
    this.#form.reset()
    for (const input of this.#inputs()) input.value = '' // reset() brings back values that the server rendered
    this.#say(`Added in pod ${pod}. Each pod keeps its own items.`)
    this.#options.onAdded(pod)
  }

  /** @param {string} text a summary, then one line per error */
  #showErrors (text) {
    const errors = text.split('\n').slice(1)
    for (const { id, name, dataset } of this.#inputs()) {
      const isInvalid = errors.some(error => isAboutField(error, name))
      showFieldError(id, isInvalid ? dataset['problem'] : undefined)
    }
    this.#say(errors.join('; ') || text, true)
  }

  /** @param {string} reason */
  #showFailure (reason) {
    this.#say(`The catalog did not accept the item: ${reason}. Try again.`, true)
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
