// The rate, the pause and the header that is sent.
import { byId, sayBeside } from './dom.js'
import { isHandedOn, problemsOf } from './settings.js'

/** @import { Settings } from './settings.js' */
/** @import { State } from './traffic.js' */

/** @type {Record<State, string>} */
const STATES = {
  sending: '',
  paused: 'Paused.',
  hidden: 'Paused while nobody looks.',
  full: 'Slower than that: the browser\'s connections wait for answers.'
}

export class Controls {
  #settings
  #onChange
  #sending = byId('sending', HTMLElement)
  #pause = byId('pause', HTMLButtonElement)
  #name = byId('header-name', HTMLInputElement)
  #value = byId('header-value', HTMLInputElement)
  /** @type {State} */
  #state = 'sending'

  /**
   * @param {Settings} settings which the controls change
   * @param {() => void} onChange
   */
  constructor (settings, onChange) {
    this.#settings = settings
    this.#onChange = onChange
    const rate = byId('rate', HTMLInputElement)
    rate.value = String(settings.rate)
    this.#name.value = settings.header?.name ?? ''
    this.#value.value = settings.header?.value ?? ''

    rate.addEventListener('input', () => this.#change({ rate: Number(rate.value) }))
    this.#pause.addEventListener('click', () => this.#change({ paused: !settings.paused }))
    byId('header-clear', HTMLButtonElement).addEventListener('click', () => {
      this.#name.value = this.#value.value = ''
      this.#sayProblems({})
      this.#change({ header: undefined })
    })
    byId('controls', HTMLFormElement).addEventListener('submit', event => {
      event.preventDefault()
      const [name, value] = [this.#name.value.trim(), this.#value.value.trim()]
      const problems = problemsOf(name, value)
      this.#sayProblems(problems)
      if (problems.name !== undefined) this.#name.focus()
      else if (problems.value !== undefined) this.#value.focus()
      else this.#change({ header: { name, value } })
    })
    this.#show()
  }

  /** @param {State} state */
  show (state) {
    this.#state = state
    this.#show()
  }

  /** @param {Partial<Settings>} changes */
  #change (changes) {
    Object.assign(this.#settings, changes)
    this.#onChange()
    this.#show()
  }

  /** @param {{ name?: string, value?: string }} problems */
  #sayProblems ({ name, value }) {
    sayBeside('header-name', name)
    sayBeside('header-value', value)
  }

  #show () {
    const { rate, paused, header } = this.#settings
    byId('rate-shown', HTMLElement).textContent = `${rate} a second`
    byId('rate', HTMLInputElement).setAttribute('aria-valuetext', `${rate} a second`)
    this.#pause.textContent = paused ? 'Go on' : 'Pause'
    const sent = header === undefined ? '' : `Sent with ${header.name}: ${header.value}.${isHandedOn(header.name) ? '' : ' It ends at the webapp, which hands on x-*, authorization and trace headers alone.'}`
    this.#sending.textContent = [STATES[this.#state], sent].filter(Boolean).join(' ')
  }
}
