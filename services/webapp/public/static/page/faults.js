import { callPod, POD_NOT_MET } from './chaos-api.js'
import { enableCopyButtons, showCommands } from './commands.js'
import { byId, isNarrow, setText } from './dom.js'
import { FaultBar } from './fault-bar.js'
import { FaultForm } from './fault-form.js'
import { ruleInWords } from './rule.js'
import { RuleList } from './rule-list.js'
import { isOfCatalog, keyOf } from './seen.js'

/** @import { Pod } from './seen.js' */

/**
 * The faults of the pods that the page has seen. The page sets them through the webapp if the webapp and the pod allow
 * it. Otherwise it shows commands for a terminal.
 */
export class Faults {
  #panel = byId('fault-panel', HTMLElement)
  /** the webapp's CHAOS_ACCESS */
  #access = this.#panel.dataset['access']
  #bar = new FaultBar({
    onSet: (pods, rule) => this.#change(this.#bar, pods, 'POST', rule, `Set ${ruleInWords(rule)}`),
    onHeal: () => this.#heal()
  })

  #form = new FaultForm({ onInput: () => this.#update(), onSet: () => this.#set(), onClear: () => this.#clear() })
  #rules
  /** @type {Pod[]} */
  #pods = []
  /** the keys of the pods that are shown */
  #shown = ''
  #onReached
  /** the last change: one follows the other, so that the user's last press wins */
  #last = Promise.resolve()

  /**
   * @param {(pod: Pod) => void} onReached called when a pod answered with its rules, or accepted a change
   * @param {(faults: string) => void} onChanged called with the new faults in words after someone changed them
   */
  constructor (onReached, onChanged) {
    this.#onReached = onReached
    this.#rules = new RuleList({
      isEnabled: this.#access === 'any',
      onReached,
      onDelete: (pod, name) => this.#change(this.#form, [pod], 'DELETE', { name }, `Deleted rule ${name}`),
      onUpdate: () => this.#showAccess(),
      onChanged
    })
    enableCopyButtons()
    // A phone shows the bar first, and this form only on demand.
    byId('fault-details', HTMLDetailsElement).open = !isNarrow()
    this.#update()
  }

  /** @param {Pod[]} pods */
  show (pods) {
    this.#pods = pods
    this.#form.setPods(pods)
    this.#rules.setPods(pods)
    this.#bar.show(pods.filter(isOfCatalog))
    const keys = pods.map(keyOf).join()
    if (keys === this.#shown) return
    this.#shown = keys
    this.#form.drawPods()
    this.#update()
    this.#rules.refresh()
  }

  /**
   * Whether the pod is known to have a rule. Such a pod stays visible even if it answers no requests.
   *
   * @param {Pod} pod
   */
  hasRule (pod) {
    return this.#rules.hasRule(pod)
  }

  /**
   * Whether the pod is known to have a rule that leaves calls without an answer.
   *
   * @param {Pod} pod
   */
  dropsCalls (pod) {
    return this.#rules.dropsCalls(pod)
  }

  /** Shows what the fields contain: their errors, and the commands. */
  #update () {
    const rule = this.#form.read()
    showCommands(this.#form.selectedPods(), rule, this.#form.isWholeService())
    this.#showAccess()
  }

  /** Shows the bar and the buttons, or the commands with the reason why there are no buttons. */
  #showAccess () {
    const refusal = this.#refusalOf(this.#form.selectedPods())
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (this.#panel.querySelectorAll('[data-needs=any]'))) {
      part.hidden = refusal !== undefined
    }
    byId('terminal', HTMLElement).hidden = refusal === undefined
    setText('terminal-reason', refusal ?? '')
    this.#bar.showState(this.#rules.inWords(), this.#refusalOf(this.#pods.filter(isOfCatalog)) === undefined)
  }

  /**
   * Why the page cannot set faults in these pods; undefined if it can.
   *
   * @param {Pod[]} pods
   */
  #refusalOf (pods) {
    if (this.#access !== 'any') return `This webapp does not set faults (CHAOS_ACCESS=${this.#access}).`
    const refusing = pods.find(pod => this.#rules.refusalOf(pod) !== undefined)
    return refusing && `Pod ${refusing.pod} refuses: ${this.#rules.refusalOf(refusing)}.`
  }

  #set () {
    const pods = this.#form.selectedPods()
    if (this.#refusalOf(pods) !== undefined) return
    const rule = this.#form.readForChange()
    if (rule !== undefined) this.#change(this.#form, pods, 'POST', rule, `Set ${ruleInWords(rule)}`)
  }

  #clear () {
    this.#change(this.#form, this.#form.selectedPods(), 'DELETE', undefined, 'Deleted all rules')
  }

  #heal () {
    const pods = this.#pods.filter(pod => !this.#rules.isGone(pod) && this.#rules.refusalOf(pod) === undefined)
    if (pods.length === 0) this.#bar.say('No pod was seen in the last minute.', true)
    else this.#change(this.#bar, pods, 'DELETE', undefined, 'Deleted all rules')
  }

  /**
   * @param {FaultBar | FaultForm} origin where the user made the change; it shows the result
   * @param {Pod[]} pods
   * @param {'POST' | 'DELETE'} method
   * @param {unknown} body
   * @param {string} done the message of success, without the pods
   */
  async #change (origin, pods, method, body, done) {
    this.#bar.say('')
    this.#form.say('')
    if (pods.length === 0) return
    origin.say('…')
    this.#bar.setBusy(true)
    const change = this.#last = this.#last.then(() => this.#carryOut(origin, pods, method, body, done))
    await change
    await this.#rules.refresh()
    if (change === this.#last) this.#bar.setBusy(false)
  }

  /**
   * @param {FaultBar | FaultForm} origin
   * @param {Pod[]} pods
   * @param {'POST' | 'DELETE'} method
   * @param {unknown} body
   * @param {string} done
   */
  async #carryOut (origin, pods, method, body, done) {
    const answers = await Promise.all(pods.map(async pod => {
      const { ok, code, message } = await callPod(pod, method, body)
      if (ok) this.#onReached(pod)
      return { pod, message, ok: ok || (method === 'DELETE' && code === POD_NOT_MET) } // its rules have gone with it
    }))
    const changed = answers.filter(({ ok }) => ok).map(({ pod }) => pod.pod)
    const failures = answers.filter(({ ok }) => !ok).map(({ pod, message }) => `${pod.pod}: ${message}`)
    const success = changed.length === 0 ? [] : [`${done} in ${changed.join(', ')}.`]
    origin.say([...success, ...failures].join(' '), failures.length > 0)
  }
}
