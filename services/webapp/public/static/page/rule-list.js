import { callPod, POD_NOT_MET } from './chaos-api.js'
import { byId, element } from './dom.js'
import { ruleInWords } from './rule.js'
import { isOfCatalog, keyOf, podsInWords } from './seen.js'

/** @import { Pod } from './seen.js' */
/** @import { PodAnswer, RuleView } from './chaos-api.js' */

/** Pause between two rounds of calls, in milliseconds. */
const INTERVAL_MS = 3000

/**
 * @typedef {object} RuleListOptions
 * @property {boolean} isEnabled whether the webapp forwards the calls
 * @property {(pod: Pod) => void} onReached called when a pod answered with its rules
 * @property {(pod: Pod, name: string) => void} onDelete called when the user wants to delete a rule
 * @property {() => void} onUpdate called after each answer
 * @property {(faults: string) => void} onChanged called with the new faults in words after a round in which the rules
 * of a pod were not those of the round before, no matter who changed them
 */

/** Polls the pods for their rules, and lists the rules. */
export class RuleList {
  #options
  #root = byId('rules', HTMLElement)
  /** @type {Pod[]} */
  #pods = []
  /** @type {Map<string, PodAnswer & { of: Pod }>} the last answer of each pod, by key */
  #answers = new Map()
  /** @type {Map<string, string>} why a pod refuses access to its faults, by key */
  #refusals = new Map()
  /** @type {Pod[]} the pods whose active rules changed in this round */
  #changed = []
  /** the content of the list as JSON; the list is drawn only if it changes */
  #drawn = ''
  /** @type {Promise<void> | undefined} the current rounds */
  #asking
  /** whether another round must follow the current one */
  #isStale = false
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer

  /** @param {RuleListOptions} options */
  constructor (options) {
    this.#options = options
    this.#root.hidden = !options.isEnabled
  }

  /** @param {Pod[]} pods */
  setPods (pods) {
    this.#pods = pods
  }

  /**
   * Whether the pod is known to have a rule.
   *
   * @param {Pod} pod
   */
  hasRule (pod) {
    return Object.keys(this.#answers.get(keyOf(pod))?.rules ?? {}).length > 0
  }

  /**
   * Whether the pod is known to have a rule that leaves calls without an answer.
   *
   * @param {Pod} pod
   */
  dropsCalls (pod) {
    const rules = Object.values(this.#answers.get(keyOf(pod))?.rules ?? {})
    return rules.some(({ active, type }) => active && type === 'drop')
  }

  /**
   * Whether the last calls did not reach the pod, and the pod has answered no request of the page since then. Most
   * likely, the pod no longer exists, and neither do its rules.
   *
   * @param {Pod} pod
   */
  isGone (pod) {
    const last = this.#answers.get(keyOf(pod))
    return last?.code === POD_NOT_MET && last.of.at === pod.at
  }

  /** The active rules with their pods, as in `500, 50 %: v1, v2`; empty while unknown. */
  inWords () {
    const faulty = this.#pods.filter(pod => this.#faultsOf(pod).length > 0)
    if (faulty.length > 0) return this.#describe(faulty)
    const isKnown = this.#pods.some(isOfCatalog) &&
      this.#listed().every(pod => this.isGone(pod) || this.#answers.get(keyOf(pod))?.ok)
    return isKnown ? 'No fault is set.' : ''
  }

  /** @param {Pod[]} pods */
  #describe (pods) {
    const found = pods.flatMap(pod => {
      const faults = this.#faultsOf(pod)
      return (faults.length === 0 ? ['no fault'] : faults).map(words => ({ words, pod }))
    })
    const existing = this.#pods.filter(pod => !this.isGone(pod))
    return [...Map.groupBy(found, ({ words }) => words)]
      .map(([words, its]) => `${words}: ${podsInWords(its.map(({ pod }) => pod), existing)}`)
      .join('; ')
  }

  /**
   * The pod's active rules in words.
   *
   * @param {Pod} pod
   */
  #faultsOf (pod) {
    const rules = Object.values(this.#answers.get(keyOf(pod))?.rules ?? {})
    return [...new Set(rules.filter(({ active }) => active).map(ruleInWords))]
  }

  /**
   * Why the pod refuses access to its faults; undefined if it does not.
   *
   * @param {Pod} pod
   */
  refusalOf (pod) {
    return this.#refusals.get(keyOf(pod))
  }

  /** Asks all pods for their rules, and again after INTERVAL_MS. During a round, it requests one more round. */
  async refresh () {
    this.#isStale = true
    if (!this.#options.isEnabled) return
    this.#asking ??= this.#askWhileStale()
    await this.#asking
  }

  async #askWhileStale () {
    clearTimeout(this.#timer)
    while (this.#isStale) {
      this.#isStale = false
      await this.#askAll()
    }
    this.#asking = undefined
    this.#timer = setTimeout(() => this.refresh(), INTERVAL_MS)
  }

  /**
   * Asks one pod after the other, because a browser has few connections and the page's traffic needs them. Pods that
   * failed to answer come last, so that the others do not wait for them.
   */
  async #askAll () {
    const hasFailed = (/** @type {Pod} */ pod) => Number(this.#answers.get(keyOf(pod))?.ok === false)
    for (const pod of this.#pods.toSorted((a, b) => hasFailed(a) - hasFailed(b))) {
      if (document.visibilityState === 'hidden') return
      if (this.#isWorthAsking(pod)) this.#remember(pod, await callPod(pod, 'GET'))
    }
    this.#draw()
    const changed = this.#changed.splice(0)
    if (changed.length > 0) this.#options.onChanged(this.#describe(changed))
  }

  /**
   * A pod that refused is not asked again. A pod that could not be reached is asked again only after it answered a
   * request of the page.
   *
   * @param {Pod} pod
   */
  #isWorthAsking (pod) {
    return !this.#refusals.has(keyOf(pod)) && !this.isGone(pod)
  }

  /**
   * @param {Pod} pod
   * @param {PodAnswer} answer
   */
  #remember (pod, answer) {
    const key = keyOf(pod)
    if (answer.status === 403 && answer.by === pod.pod) this.#refusals.set(key, answer.message)
    // The rules stay listed if a call fails, but not if no call reaches the pod or the pod refuses.
    const mustForget = answer.code === POD_NOT_MET || answer.status === 403
    const isKnown = this.#answers.get(key)?.rules !== undefined
    const before = this.#faultsOf(pod).join()
    const rules = answer.rules ?? (mustForget ? undefined : this.#answers.get(key)?.rules)
    this.#answers.set(key, { ...answer, rules, of: pod })
    if (isKnown && answer.ok && this.#faultsOf(pod).join() !== before) this.#changed.push(pod)
    if (answer.ok) this.#options.onReached(pod)
    this.#draw()
  }

  #draw () {
    this.#options.onUpdate()
    this.#forgetOtherPods()
    const listed = this.#listed().map(pod => ({ pod, answer: this.#answers.get(keyOf(pod)) }))
    const drawn = JSON.stringify(listed.map(({ pod, answer }) =>
      [keyOf(pod), answer?.ok, answer?.message, answer?.rules]))
    if (drawn === this.#drawn) return
    this.#drawn = drawn

    const focused = document.activeElement?.getAttribute('data-rule')
    this.#root.replaceChildren(...listed.flatMap(({ pod, answer }) => answer === undefined
      ? []
      : [
          ...(answer.ok ? [] : [element('li', { class: 'muted' }, `${pod.pod}: ${answer.message}`)]),
          ...Object.entries(answer.rules ?? {}).map(([name, rule]) => this.#line(pod, name, rule))
        ]))
    const allAnswered = listed.length > 0 && listed.every(({ answer }) => answer !== undefined)
    if (this.#root.childElementCount === 0 && allAnswered) {
      this.#root.append(element('li', { class: 'muted' }, 'No pod has a rule.'))
    }
    for (const button of this.#root.querySelectorAll('button')) if (button.dataset['rule'] === focused) button.focus()
  }

  /** The pods that have not refused. */
  #listed () {
    return this.#pods.filter(pod => !this.#refusals.has(keyOf(pod)))
  }

  #forgetOtherPods () {
    const keys = new Set(this.#pods.map(keyOf))
    for (const map of [this.#answers, this.#refusals]) {
      for (const key of map.keys()) if (!keys.has(key)) map.delete(key)
    }
  }

  /**
   * @param {Pod} pod
   * @param {string} name
   * @param {RuleView} rule
   */
  #line (pod, name, rule) {
    const attributes = {
      type: 'button',
      'data-rule': `${keyOf(pod)}/${name}`,
      'aria-label': `Delete ${name} in ${pod.pod}`
    }
    const remove = element('button', attributes, 'Delete')
    remove.addEventListener('click', () => this.#options.onDelete(pod, name))
    return element('li', {},
      element('i', { class: 'swatch fault', 'aria-hidden': 'true' }),
      element('strong', {}, ruleInWords(rule)), ' ',
      ...(name === rule.type ? [] : [element('span', { class: 'muted' }, name), ' ']),
      element('span', { class: 'pod' }, pod.pod), ' ',
      element('span', { class: 'muted' }, stateInWords(rule)), remove)
  }
}

/** @param {RuleView} rule */
function stateInWords ({ active, state: { draws, hits, ended, left } }) {
  const seconds = left.ms === undefined ? '' : `, ${Math.ceil(left.ms / 1000)} s left`
  if (active) return `hit ${hits} of ${draws}${seconds}`
  return ended === undefined ? 'switched off' : `ended (${ended}), hit ${hits}`
}
