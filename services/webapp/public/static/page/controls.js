import { byId, setText, showFieldError } from './dom.js'
import { headerErrors, headerInWords, isForwarded } from './settings.js'

/** @import { Settings } from './settings.js' */
/** @import { State } from './traffic.js' */

/** @type {Record<State, string>} */
const STATES = {
  sending: '',
  paused: 'Paused.',
  hidden: 'Paused while the page is hidden.',
  full: "All of the browser's connections are waiting for answers."
}
const NOT_FORWARDED = 'Not forwarded: the webapp forwards only x-*, authorization and trace headers.'

/** The controls of the page's traffic: pause, rate, and the header to send. */
export class Controls {
  #settings
  #onChange
  #onMark
  #pause = byId('pause', HTMLButtonElement)
  #name = byId('header-name', HTMLInputElement)
  #value = byId('header-value', HTMLInputElement)
  /** @type {State} */
  #state = 'sending'

  /**
   * @param {Settings} settings the controls change this object
   * @param {object} listeners
   * @param {() => void} listeners.onChange called after each change
   * @param {(change: string) => void} listeners.onMark called with a new rate or header in words
   * @param {() => void} listeners.onStartOver
   */
  constructor (settings, { onChange, onMark, onStartOver }) {
    this.#settings = settings
    this.#onChange = onChange
    this.#onMark = onMark
    const rate = byId('rate', HTMLInputElement)
    rate.value = String(settings.rate)
    this.#name.value = settings.header?.name ?? ''
    this.#value.value = settings.header?.value ?? ''

    rate.addEventListener('input', () => this.#change({ rate: Number(rate.value) }))
    rate.addEventListener('change', () => onMark(`rate ${rate.value} a second`)) // once, on release
    this.#pause.addEventListener('click', () => this.#change({ paused: !settings.paused }))
    byId('start-over', HTMLButtonElement).addEventListener('click', onStartOver)
    byId('header-clear', HTMLButtonElement).addEventListener('click', () => this.#clearHeader())
    const form = byId('controls', HTMLFormElement)
    form.addEventListener('submit', event => {
      event.preventDefault()
      this.#setHeader()
    })
    for (const chip of form.querySelectorAll('.chips button')) {
      chip.addEventListener('click', () => {
        [this.#name.value = '', this.#value.value = ''] = chip.textContent.split(': ')
        this.#setHeader()
      })
    }
    this.#draw()
  }

  /** @param {State} state of the traffic */
  show (state) {
    this.#state = state
    this.#draw()
  }

  #setHeader () {
    const [name, value] = [this.#name.value.trim(), this.#value.value.trim()]
    const errors = headerErrors(name, value)
    this.#showErrors(errors)
    if (errors.name !== undefined) this.#name.focus()
    else if (errors.value !== undefined) this.#value.focus()
    else {
      const header = { name, value }
      this.#change({ header })
      this.#onMark(`header ${headerInWords(header)}`)
    }
  }

  #clearHeader () {
    this.#name.value = this.#value.value = ''
    this.#showErrors({})
    this.#change({ header: undefined })
    this.#onMark('no header')
  }

  /** @param {Partial<Settings>} changes */
  #change (changes) {
    Object.assign(this.#settings, changes)
    this.#onChange()
    this.#draw()
  }

  /** @param {{ name?: string, value?: string }} errors */
  #showErrors ({ name, value }) {
    showFieldError('header-name', name)
    showFieldError('header-value', value)
  }

  #draw () {
    const { rate, paused, header } = this.#settings
    setText('rate-shown', `${rate} a second`)
    byId('rate', HTMLInputElement).setAttribute('aria-valuetext', `${rate} a second`)
    this.#pause.textContent = paused ? 'Resume' : 'Pause'
    const sent = header === undefined ? '' : `Sent with ${headerInWords(header)}.`
    const warning = header === undefined || isForwarded(header.name) ? '' : NOT_FORWARDED
    setText('sending', [STATES[this.#state], sent, warning].filter(Boolean).join(' '))
  }
}
