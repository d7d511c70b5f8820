// The faults of the pods that were seen: set and shown through the webapp where that may be, and else the lines that do so from a terminal.
import { byId, element, sayBeside } from './dom.js'
import { kubectlLines, ruleInWords, ruleOf, scriptLine } from './rule.js'
import { keyOf } from './seen.js'
import { GIVE_UP_MS, headersOf } from './traffic.js'

/** @import { Pod, Service } from './seen.js' */
/** @import { NumberField } from './rule.js' */

/** How long the pods are left alone before they are asked for their rules again, in milliseconds. */
const EVERY_MS = 3000
/** After that a change is taken as not made: longer than a delay in the mesh, which it may meet. */
const CHANGE_MS = 30_000

/** The code for a pod that many calls have not met. It is asked for no more until a request meets it. */
const NOT_MET = 'POD_NOT_MET'
const NOT_SEEN = 'None was seen in the last minute.'

/** @type {NumberField[]} */
const NUMBERS = ['percentage', 'status', 'latencyMs']

/**
 * @typedef {object} RuleView
 * @property {string} type
 * @property {boolean} active
 * @property {number} percentage
 * @property {{ draws: number, hits: number, ended?: string }} state
 */

/**
 * What a pod said of its rules.
 *
 * @typedef {object} Said
 * @property {boolean} ok
 * @property {number} status 0 where nothing came
 * @property {string} [code] of an error
 * @property {string} [by] the pod that said it
 * @property {string} message
 * @property {Record<string, RuleView> | undefined} rules
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
  #onMet
  /** @type {Map<string, Said & { of: Pod }>} what pods said last, by key */
  #said = new Map()
  #drawn = ''
  /** whether pods are being asked, and whether they have to be asked anew after that */
  #isAsking = false
  #isStale = false
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer

  /** @param {(pod: Pod) => void} onMet a pod has shown its rules */
  constructor (onMet) {
    this.#onMet = onMet
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
  }

  /** @param {Pod[]} pods */
  show (pods) {
    const before = this.#pods.map(keyOf).join()
    this.#pods = pods
    if (before === pods.map(keyOf).join()) return
    const { value: chosen, textContent: shown } = this.#select.selectedOptions[0] ?? { value: '', textContent: '' }
    const services = /** @type {Service[]} */ ([...new Set(pods.map(({ service }) => service))])
    this.#select.replaceChildren(
      ...services.map(service => element('option', { value: service }, `all ${service} pods`)),
      ...pods.map(pod => element('option', { value: keyOf(pod) }, `${pod.pod} (${pod.version})`))
    )
    // Another is not chosen for who is about to press a button.
    if (chosen !== '' && ![...this.#select.options].some(({ value }) => value === chosen)) this.#select.append(element('option', { value: chosen }, shown))
    if (chosen !== '') this.#select.value = chosen
    this.#typed()
    this.#refresh()
  }

  /**
   * Whether a pod is known to have a rule, which must stay in sight whatever becomes of the requests.
   *
   * @param {Pod} pod
   */
  hasRule (pod) {
    return Object.keys(this.#said.get(keyOf(pod))?.rules ?? {}).length > 0
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
    sayBeside('fault-pod', pods.length === 0 && this.#select.value !== '' ? NOT_SEEN : undefined)
    const [first] = pods
    const isWhole = Object.keys(problems).length === 0 && first !== undefined
    const lines = pods.map(({ service, pod }) => kubectlLines(service, pod))
    byId('kubectl-line', HTMLElement).textContent = isWhole ? lines.map(({ set }) => set(rule)).join('\n') : ''
    byId('show-line', HTMLElement).textContent = lines.map(({ show }) => show).join('\n')
    byId('delete-line', HTMLElement).textContent = lines.map(line => line.delete).join('\n')
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
    if (this.#meant().length === 0) return sayBeside('fault-pod', NOT_SEEN)
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
      if (ok) this.#onMet(pod)
      return ok ? [] : `${pod.pod}: ${message}`
    }))).flat()
    this.#note.classList.toggle('error', failures.length > 0)
    this.#note.textContent = failures.length > 0 ? failures.join('; ') : `${done} in ${pods.map(({ pod }) => pod).join(', ')}.`
    await this.#refresh()
  }

  /** Asks all pods for their rules, and again some seconds after the last has answered. What is asked for meanwhile follows at once. */
  async #refresh () {
    this.#isStale = true
    if (this.#isAsking || this.#access !== 'any') return
    clearTimeout(this.#timer)
    this.#isAsking = true
    while (this.#isStale) {
      this.#isStale = false
      await this.#askAll()
    }
    this.#isAsking = false
    this.#timer = setTimeout(() => this.#refresh(), EVERY_MS)
  }

  /** One after the other: a browser has few connections, and the requests need them. */
  async #askAll () {
    for (const pod of this.#pods) {
      if (document.visibilityState === 'hidden') return
      const key = keyOf(pod)
      const before = this.#said.get(key)
      if (this.#refusals.has(key) || (before?.code === NOT_MET && before.of.at === pod.at)) continue
      const said = await call(pod, 'GET')
      if (said.status === 403 && said.by === pod.pod) this.#refusals.set(key, said.message)
      // Rules outlive a question that fails, but not their pod.
      const rules = said.rules ?? (said.code === NOT_MET || said.status === 403 ? undefined : before?.rules)
      this.#said.set(key, { ...said, rules, of: pod })
      if (said.ok) this.#onMet(pod)
      this.#draw()
    }
    this.#draw()
  }

  #draw () {
    this.#offer()
    const keys = new Set(this.#pods.map(keyOf))
    for (const gone of [this.#said, this.#refusals]) for (const key of gone.keys()) if (!keys.has(key)) gone.delete(key)
    const found = this.#pods.flatMap(pod => this.#refusals.has(keyOf(pod)) ? [] : { pod, said: this.#said.get(keyOf(pod)) })
    const drawn = JSON.stringify(found.map(({ pod, said }) => [keyOf(pod), said?.ok, said?.message, said?.rules]))
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    const focused = document.activeElement?.getAttribute('data-rule')
    this.#rules.replaceChildren(...found.flatMap(({ pod, said }) => [
      ...(said === undefined || said.ok ? [] : [element('li', { class: 'muted' }, `${pod.pod}: ${said.message}`)]),
      ...Object.entries(said?.rules ?? {}).map(([name, rule]) => {
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
      })
    ]))
    const isKnown = found.length > 0 && found.every(({ said }) => said !== undefined)
    if (this.#rules.childElementCount === 0 && isKnown) this.#rules.append(element('li', { class: 'muted' }, 'No pod that was seen has a rule.'))
    for (const button of this.#rules.querySelectorAll('button')) if (button.dataset['rule'] === focused) button.focus()
  }
}

/**
 * @param {Pod} pod
 * @param {'GET' | 'POST' | 'DELETE'} method
 * @param {unknown} [body]
 * @returns {Promise<Said>}
 */
async function call ({ service, pod, header }, method, body) {
  try {
    const answer = await fetch(`api/chaos/${service}/${encodeURIComponent(pod)}`, {
      method,
      signal: AbortSignal.timeout(method === 'GET' ? GIVE_UP_MS : CHANGE_MS),
      headers: { ...headersOf(header), ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    if (answer.status === 204) return { ok: true, status: 204, message: '', rules: undefined }
    const said = await answer.json()
    return { ok: answer.ok, status: answer.status, code: said.code, by: answer.headers.get('x-served-by') ?? undefined, message: String(said.message), rules: answer.ok ? said : undefined }
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
