import { byId, element, showFieldError } from './dom.js'
import { NUMBER_FIELDS, ruleOf } from './rule.js'
import { keyOf } from './seen.js'

/** @import { Pod } from './seen.js' */
/** @import { NumberField, Rule } from './rule.js' */

const NOT_SEEN = 'No such pod was seen in the last minute.'

/** The form of a fault: the pods, the type, and the fields of the type. */
export class FaultForm {
  #form = byId('fault-form', HTMLFormElement)
  #select = byId('fault-pod', HTMLSelectElement)
  #clear = byId('fault-clear', HTMLButtonElement)
  #note = byId('fault-note', HTMLElement)
  /** @type {Pod[]} */
  #pods = []

  /** @param {{ onInput: () => void, onSet: () => void, onClear: () => void }} listeners */
  constructor ({ onInput, onSet, onClear }) {
    this.#form.addEventListener('input', onInput)
    this.#form.addEventListener('submit', event => {
      event.preventDefault()
      onSet()
    })
    this.#clear.addEventListener('click', onClear)
  }

  /** @param {Pod[]} pods */
  setPods (pods) {
    this.#pods = pods
  }

  /** Offers the pods, and all pods of each service. */
  drawPods () {
    const { value: selected, textContent: text } = this.#select.selectedOptions[0] ?? { value: '', textContent: '' }
    const services = new Set(this.#pods.map(({ service }) => service))
    this.#select.replaceChildren(
      ...[...services].map(service => element('option', { value: service }, `all ${service} pods`)),
      ...this.#pods.map(pod => element('option', { value: keyOf(pod) }, `${pod.pod} (${pod.version})`))
    )
    if (selected === '') return
    // A selected pod that no longer exists stays selected, so that a click cannot hit another pod by accident.
    const isOffered = [...this.#select.options].some(({ value }) => value === selected)
    if (!isOffered) this.#select.append(element('option', { value: selected }, text))
    this.#select.value = selected
  }

  /** The pods that are selected. */
  selectedPods () {
    const { value } = this.#select
    return this.#pods.filter(pod => pod.service === value || keyOf(pod) === value)
  }

  /** Whether all pods of a service are selected, and not one pod. */
  isWholeService () {
    return this.#pods.some(({ service }) => service === this.#select.value)
  }

  /**
   * Reads the form, and shows the fields of its type and their errors.
   *
   * @returns {Rule | undefined} undefined if a field has an error
   */
  read () {
    const fields = this.#fields()
    const { rule, errors } = ruleOf(fields)
    const needed = rule.type === 'latency' ? [rule.type, fields.distribution] : [rule.type]
    for (const field of /** @type {NodeListOf<HTMLElement>} */ (this.#form.querySelectorAll('[data-for]'))) {
      field.hidden = !needed.includes(field.dataset['for'] ?? '')
    }
    for (const name of NUMBER_FIELDS) showFieldError(`fault-${name}`, errors[name])
    const isMissing = this.selectedPods().length === 0 && this.#select.value !== ''
    showFieldError('fault-pod', isMissing ? NOT_SEEN : undefined)
    const [selected, pod = `all ${selected} pods`] = this.#select.value.split('/')
    this.#clear.textContent = selected === '' ? 'Delete the rules' : `Delete the rules of ${pod}`
    return Object.keys(errors).length === 0 ? rule : undefined
  }

  /**
   * Reads the form for a change. If a field has an error, it moves the focus there; if no pod is selected, it says so.
   *
   * @returns {Rule | undefined} undefined if there was an error
   */
  readForChange () {
    const rule = this.read()
    if (rule === undefined) {
      const { errors } = ruleOf(this.#fields())
      const wrong = NUMBER_FIELDS.find(name => errors[name] !== undefined)
      byId(`fault-${wrong}`, HTMLElement).focus()
      return undefined
    }
    if (this.selectedPods().length > 0) return rule
    showFieldError('fault-pod', NOT_SEEN)
    return undefined
  }

  /**
   * Shows the progress or the result of a change.
   *
   * @param {string} text
   * @param {boolean} [isError]
   */
  say (text, isError = false) {
    this.#note.classList.toggle('error', isError)
    this.#note.textContent = text
  }

  #fields () {
    const valueOf = (/** @type {string} */ name) =>
      /** @type {HTMLInputElement | HTMLSelectElement} */ (this.#form.elements.namedItem(name)).value
    const numbers = /** @type {Record<NumberField, string>} */ (
      Object.fromEntries(NUMBER_FIELDS.map(name => [name, valueOf(`fault-${name}`)])))
    return {
      type: valueOf('fault-type'), distribution: valueOf('fault-distribution'), mode: valueOf('fault-mode'), ...numbers
    }
  }
}
