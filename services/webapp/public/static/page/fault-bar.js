import { byId, element, setText } from './dom.js'

/** @import { Pod } from './seen.js' */
/** @import { Rule } from './rule.js' */

/** All rules of the bar have this name, so that a new rule replaces the one before it in the same pod. */
const NAME = 'fault-bar'

/** @type {Record<string, Omit<Rule, 'percentage'>>} */
const FAULTS = {
  500: { type: '500' },
  // An audience notices half a second, and the tail is like that of real services. The page gives up after 5 s: fewer
  // than one delay in 10,000 is longer.
  slow: { type: 'latency', distribution: 'lognormal', medianMs: 500, p99Ms: 2000 },
  drop: { type: 'drop', mode: 'fin' }
}

/** The bar that sets a fault in the catalog with one press, and heals everything with another. */
export class FaultBar {
  #root = byId('fault-bar', HTMLElement)
  #versions = byId('fault-bar-versions', HTMLElement)
  #faults = ''
  #isBusy = false
  /** @type {Pod[]} */
  #pods = []

  /** @param {{ onSet: (pods: Pod[], rule: Rule) => void, onHeal: () => void }} listeners */
  constructor ({ onSet, onHeal }) {
    for (const button of this.#root.querySelectorAll('button')) {
      const fault = FAULTS[button.value]
      button.addEventListener('click', fault === undefined ? onHeal : () => this.#set(fault, onSet))
    }
  }

  /**
   * Offers the versions of these pods.
   *
   * @param {Pod[]} pods of the catalog
   */
  show (pods) {
    this.#pods = pods
    const versions = new Set(pods.map(({ version }) => version))
    for (const choice of this.#choices()) {
      // A chosen version that no longer exists stays chosen, so that a press cannot hit other pods by accident.
      if (!choice.checked && choice.value !== '' && !versions.has(choice.value)) choice.parentElement?.remove()
      versions.delete(choice.value)
    }
    for (const version of versions) {
      const choice = element('label', {}, element('input', { type: 'radio', name: 'version', value: version }), version)
      const next = this.#choices().find(({ value }) => value > version)
      this.#versions.insertBefore(choice, next?.parentElement ?? null)
    }
  }

  /**
   * Shows which faults are set.
   *
   * @param {string} faults
   * @param {boolean} isOpen whether the page may set faults; otherwise there is no bar
   */
  showState (faults, isOpen) {
    this.#root.hidden = !isOpen
    this.#faults = faults
    this.#drawState()
  }

  /**
   * Shows that a change is under way, until its faults are known.
   *
   * @param {boolean} isBusy
   */
  setBusy (isBusy) {
    this.#isBusy = isBusy
    this.#root.ariaBusy = String(isBusy)
    this.#drawState()
  }

  #drawState () {
    setText('fault-bar-state', this.#isBusy ? 'Changing …' : this.#faults)
  }

  /**
   * Shows why a change failed. If it succeeds, the state shows the new faults.
   *
   * @param {string} text
   * @param {boolean} [isError]
   */
  say (text, isError = false) {
    setText('fault-bar-problem', isError ? text : '')
  }

  #choices () {
    return [...this.#versions.querySelectorAll('input')]
  }

  /** The chosen version, empty for all, and the chosen percentage. */
  #chosen () {
    return Array.from(this.#root.querySelectorAll('input'))
      .filter(({ checked }) => checked)
      .map(({ value }) => value)
  }

  /**
   * @param {Omit<Rule, 'percentage'>} fault
   * @param {(pods: Pod[], rule: Rule) => void} onSet
   */
  #set (fault, onSet) {
    const [version = '', percentage] = this.#chosen()
    const pods = this.#pods.filter(pod => version === '' || pod.version === version)
    if (pods.length === 0) this.say(`No pod of ${version || 'the catalog'} was seen in the last minute.`, true)
    else onSet(pods, { name: NAME, ...fault, percentage: Number(percentage) })
  }
}
