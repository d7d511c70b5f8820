import { element, setText } from './dom.js'

/** The entries, in the order of the page. */
export const LEGEND = {
  v1: 'v1',
  v2: 'v2',
  'v-other': 'other version',
  slowed: 'injected delay',
  fault: 'injected fault',
  error: 'error',
  timeout: 'timeout',
  dropped: 'no answer',
  retried: 'retried'
}

/** The legend: what the cells mean, how many cells of each kind the grid has, and which kinds are shown. */
export class Legend {
  /** @type {Map<string, { button: HTMLButtonElement, count: HTMLElement }>} */
  #entries = new Map()

  /**
   * @param {HTMLElement} root
   * @param {Set<string>} hidden the hidden entries; a click changes this set
   * @param {() => void} onChange
   */
  constructor (root, hidden, onChange) {
    for (const [key, label] of Object.entries(LEGEND)) {
      const count = element('span', { class: 'count' }, '0')
      const sample = element('span', {
        class: `cell sample key-${key} ${sampleClass(key)}`,
        'data-attempt': key === 'retried' && 2,
        'aria-hidden': 'true'
      })
      const attributes = { type: 'button', 'aria-pressed': String(!hidden.has(key)), 'data-key': key }
      const button = element('button', attributes, sample, label, ' ', count)
      button.hidden = key === 'v-other'
      button.addEventListener('click', () => {
        if (!hidden.delete(key)) hidden.add(key)
        button.setAttribute('aria-pressed', String(!hidden.has(key)))
        onChange()
      })
      this.#entries.set(key, { button, count })
      root.append(button)
    }
    root.append(element('span', { class: 'failed-key' }, failedIn('v1'), 'failed in v1', failedIn('v2'), 'in v2'))
  }

  /** @param {HTMLElement} grid whose cells are counted */
  showCounts (grid) {
    for (const [key, { button, count }] of this.#entries) {
      const n = grid.querySelectorAll(key === 'retried' ? '[data-attempt]' : `.key-${key}`).length
      setText(count, String(n))
      if (key === 'v-other' && n > 0) button.hidden = false // most stores have no third version
    }
  }
}

/**
 * The line that shows the version of a failed request.
 *
 * @param {string} version
 */
function failedIn (version) {
  return element('span', { class: `cell sample failed ${version}`, 'aria-hidden': 'true' })
}

/** @param {string} key */
function sampleClass (key) {
  if (key === 'slowed') return 'slowed v1'
  if (key === 'retried') return 'ok v1'
  return key.startsWith('v') ? `ok ${key}` : key
}
