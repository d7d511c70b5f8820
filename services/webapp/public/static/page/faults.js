// The faults of the pods that were seen: set and shown through the webapp where that may be, and else the lines that set them from a terminal.
import { byId, element, sayBeside } from './dom.js'
import { kubectlLine, ruleInWords, ruleOf, scriptLine } from './rule.js'
import { headersOf } from './traffic.js'

/** @import { Pod, Service } from './seen.js' */
/** @import { NumberField } from './rule.js' */

/** How often the rules are asked for, in milliseconds. */
const EVERY_MS = 3000

/** @type {NumberField[]} */
const NUMBERS = ['percentage', 'status', 'latencyMs']

/**
 * @typedef {object} RuleView
 * @property {string} type
 * @property {boolean} active
 * @property {number} percentage
 * @property {{ draws: number, hits: number, ended?: string }} state
 */

export class Faults {
  #panel = byId('fault-panel', HTMLElement)
  #select = byId('fault-pod', HTMLSelectElement)
  #rules = byId('rules', HTMLElement)
  #note = byId('fault-note', HTMLElement)
  /** @type {Pod[]} */
  #pods = []
  #access = this.#panel.dataset['access']
  /** @type {Map<string, string>} why pods let nobody outside set faults, by key */
  #refusals = new Map()
  #drawn = ''

  constructor () {
    const form = byId('fault-form', HTMLFormElement)
    form.addEventListener('input', () => this.#typed())
    form.addEventListener('submit', event => {
      event.preventDefault()
      this.#set()
    })
    byId('fault-clear', HTMLButtonElement).addEventListener('click', () => this.#onAll(this.#meant(), 'DELETE', undefined, 'Deleted'))
    for (const button of this.#panel.querySelectorAll('button')) {
      const source = button.dataset['copies']
      if (source !== undefined) button.addEventListener('click', () => copy(button, byId(source, HTMLElement)))
    }
    this.#typed()
    setInterval(() => this.#refresh(), EVERY_MS)
  }

  /** @param {Pod[]} pods */
  show (pods) {
    const before = this.#pods.map(keyOf).join()
    this.#pods = pods
    if (before === pods.map(keyOf).join()) return
    const chosen = this.#select.value
    const services = /** @type {Service[]} */ ([...new Set(pods.map(({ service }) => service))])
    this.#select.replaceChildren(
      ...services.map(service => element('option', { value: service }, `all ${service} pods`)),
      ...pods.map(pod => element('option', { value: keyOf(pod) }, `${pod.pod} (${pod.version})`))
    )
    if ([...this.#select.options].some(({ value }) => value === chosen)) this.#select.value = chosen
    this.#typed()
    this.#refresh()
  }

  /** The pods that the form is for. */
  #meant () {
    const { value } = this.#select
    return this.#pods.filter(pod => pod.service === value || keyOf(pod) === value)
  }

  #fields () {
    const { value: type } = byId('fault-type', HTMLSelectElement)
    const [percentage = '', status = '', latencyMs = ''] = NUMBERS.map(name => byId(`fault-${name}`, HTMLInputElement).value.trim())
    return { type, percentage, status, latencyMs, mode: byId('fault-mode', HTMLSelectElement).value }
  }

  /** Shows the fields that belong to the type, and the lines. */
  #typed () {
    const { rule, problems } = ruleOf(this.#fields())
    for (const field of /** @type {NodeListOf<HTMLElement>} */ (this.#panel.querySelectorAll('[data-for]'))) field.hidden = field.dataset['for'] !== rule.type
    for (const name of NUMBERS) sayBeside(`fault-${name}`, problems[name])
    const pods = this.#meant()
    const [first] = pods
    const isWhole = Object.keys(problems).length === 0 && first !== undefined
    byId('kubectl-line', HTMLElement).textContent = isWhole ? pods.map(({ service, pod }) => kubectlLine(rule, service, pod)).join('\n') : ''
    byId('script-line', HTMLElement).textContent = isWhole ? scriptLine(rule, first.service, this.#select.value === first.service ? undefined : first.pod) : ''
    this.#offer()
  }

  /** Controls, or lines to copy. */
  #offer () {
    const refusal = this.#refusal()
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (this.#panel.querySelectorAll('[data-needs=any]'))) part.hidden = refusal !== undefined
    this.#rules.hidden = this.#access !== 'any'
    byId('terminal', HTMLElement).hidden = refusal === undefined
    byId('terminal-reason', HTMLElement).textContent = refusal ?? ''
  }

  /** Why the faults of the pods that are meant cannot be set from here; undefined where they can. */
  #refusal () {
    if (this.#access !== 'any') return `This webapp sets no faults (CHAOS_ACCESS=${this.#access}). From a terminal:`
    const refusing = this.#meant().find(pod => this.#refusals.has(keyOf(pod)))
    return refusing && `Pod ${refusing.pod} lets nobody outside set faults: ${this.#refusals.get(keyOf(refusing))} From a terminal:`
  }

  async #set () {
    if (this.#refusal() !== undefined) return
    const { rule, problems } = ruleOf(this.#fields())
    const wrong = NUMBERS.find(name => problems[name] !== undefined)
    if (wrong !== undefined) return byId(`fault-${wrong}`, HTMLElement).focus()
    sayBeside('fault-pod', this.#meant().length === 0 ? 'No pod was seen yet.' : undefined)
    await this.#onAll(this.#meant(), 'POST', rule, `Set ${ruleInWords(rule)}`)
  }

  /**
   * @param {Pod[]} pods
   * @param {'POST' | 'DELETE'} method
   * @param {unknown} body
   * @param {string} done
   */
  async #onAll (pods, method, body, done) {
    if (pods.length === 0) return
    this.#note.classList.remove('error')
    this.#note.textContent = '…'
    const failures = (await Promise.all(pods.map(async pod => {
      const { ok, message } = await call(pod, method, body)
      return ok ? [] : `${pod.pod}: ${message}`
    }))).flat()
    this.#note.classList.toggle('error', failures.length > 0)
    this.#note.textContent = failures.length > 0 ? failures.join('; ') : `${done} in ${pods.map(({ pod }) => pod).join(', ')}.`
    await this.#refresh()
  }

  async #refresh () {
    if (this.#access !== 'any' || document.visibilityState === 'hidden') return
    const asked = await Promise.all(this.#pods.filter(pod => !this.#refusals.has(keyOf(pod))).map(async pod => ({ pod, ...await call(pod, 'GET') })))
    for (const { pod, status, message } of asked) if (status === 403) this.#refusals.set(keyOf(pod), message)
    this.#offer()
    const found = asked.filter(({ status }) => status !== 403)
    const drawn = JSON.stringify(found.map(({ rules }) => rules))
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    this.#draw(found)
  }

  /** @param {{ pod: Pod, rules: Record<string, RuleView> | undefined, message: string }[]} found */
  #draw (found) {
    const focused = document.activeElement?.getAttribute('data-rule')
    this.#rules.replaceChildren(...found.flatMap(({ pod, rules, message }) => rules === undefined
      ? [element('li', { class: 'muted' }, `${pod.pod}: ${message}`)]
      : Object.entries(rules).map(([name, rule]) => {
        const { active, state: { draws, hits, ended } } = rule
        const state = active ? `hit ${hits} of ${draws}` : ended === undefined ? 'switched off' : `has ended (${ended}), hit ${hits}`
        const remove = element('button', { type: 'button', 'data-rule': `${keyOf(pod)}/${name}`, 'aria-label': `Delete ${name} in ${pod.pod}` }, 'Delete')
        remove.addEventListener('click', () => this.#onAll([pod], 'DELETE', { name }, `Deleted ${name}`))
        return element('li', {},
          element('i', { class: 'swatch fault', 'aria-hidden': 'true' }),
          element('strong', {}, ruleInWords(rule)), ' ',
          ...(name === rule.type ? [] : [element('span', { class: 'muted' }, name), ' ']),
          element('span', { class: 'pod' }, pod.pod), ' ',
          element('span', { class: 'muted' }, state), remove)
      })))
    if (this.#rules.childElementCount === 0) this.#rules.append(element('li', { class: 'muted' }, 'No pod that was seen has a rule.'))
    for (const button of this.#rules.querySelectorAll('button')) if (button.dataset['rule'] === focused) button.focus()
  }
}

/** @param {Pod} pod */
function keyOf ({ service, pod }) {
  return `${service}/${pod}`
}

/**
 * @param {Pod} pod
 * @param {'GET' | 'POST' | 'DELETE'} method
 * @param {unknown} [body]
 * @returns {Promise<{ ok: boolean, status: number, message: string, rules: Record<string, RuleView> | undefined }>}
 */
async function call ({ service, pod, header }, method, body) {
  try {
    const answer = await fetch(`api/chaos/${service}/${encodeURIComponent(pod)}`, {
      method,
      headers: { ...headersOf(header), ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    if (answer.status === 204) return { ok: true, status: 204, message: '', rules: undefined }
    const said = await answer.json()
    return { ok: answer.ok, status: answer.status, message: String(said.message), rules: answer.ok ? said : undefined }
  } catch {
    return { ok: false, status: 0, message: 'no answer', rules: undefined }
  }
}

/**
 * @param {HTMLButtonElement} button
 * @param {HTMLElement} source
 */
async function copy (button, source) {
  try {
    await navigator.clipboard.writeText(source.textContent ?? '')
    button.textContent = 'Copied'
  } catch {
    getSelection()?.selectAllChildren(source) // without TLS a page has no clipboard
    button.textContent = 'Ctrl+C'
  }
  setTimeout(() => { button.textContent = 'Copy' }, 2000)
}
