import { RequestError } from '../request-error.ts'
import { Draws } from './draws.ts'
import type { EndingFault, FaultType } from './fault-type.ts'
import { MAX_DELAY_MS } from './limits.ts'
import type { Rule } from './rule.ts'
import { faultTypeOf } from './types/index.ts'

/** More rules than any exercise sets; a script that sets more has a mistake. */
const MAX_RULES = 32

/** The parts of a request that rules depend on. */
export interface FaultTarget {
  method: string
  /** without the query */
  path: string
  /** names in lower case */
  headers: Record<string, string | string[] | undefined>
}

/** The effect of the rules on one request. */
export interface Verdict {
  /** milliseconds to wait first */
  delayMs: number
  /** the fault that ends the request after the wait, if one does */
  ending: { fault: EndingFault, rule: Rule } | undefined
  /** the types that hit, for the header, the log, the metrics and the span: `latency`, `500`, `latency,drop`, … */
  fault: string
}

/** A rule as `GET /blowup` shows it, under its name. */
export type RuleView = Omit<Rule, 'name'> & {
  state: {
    seed: string
    /** SHA-256 of `<stream>/n` decides whether draw n of this rule, counted from 0, hits */
    stream: string
    draws: number
    hits: number
    left: { hits?: number, ms?: number }
    ended?: 'count' | 'duration'
  }
}

/** The settings that all rules of a process share. */
export interface FaultRulesOptions {
  /** `CHAOS_SEED`, or a random one */
  seed: string
  /** the pod's name; it is part of the seed, so that two pods with the same seed fail independently */
  instance: string
  /** whether a rule without a path in its scope applies to this path */
  isBusinessPath: (path: string) => boolean
  /** a monotonic clock, in milliseconds */
  now?: () => number
}

/**
 * The rules of one process. When a request arrives, each rule that applies to it draws once whether it hits:
 *
 * 1. The delays of all latency rules that hit add up, to one minute at most.
 * 2. Then the other rules draw in the order in which they were set. The first one that hits ends the request; the rules
 *    after it do not draw.
 */
export class FaultRules {
  readonly #rules = new Map<string, LiveRule>()
  readonly #options: Required<FaultRulesOptions>
  #generation = 0

  constructor ({ now = () => performance.now(), ...options }: FaultRulesOptions) {
    this.#options = { now, ...options }
  }

  /** Whether there is no rule. */
  get isEmpty (): boolean {
    return this.#rules.size === 0
  }

  /**
   * Sets a rule; it replaces the rule with the same name. Each rule draws from its own stream, numbered in the order of
   * setting. So the same calls after a restart with the same seed lead to the same hits.
   *
   * @throws {RequestError} 409 FAULT_RULES_FULL
   */
  set (rule: Rule): void {
    if (!this.#rules.has(rule.name) && this.#rules.size >= MAX_RULES) {
      const message = `there are ${MAX_RULES} rules already, which is the limit; delete one first`
      throw new RequestError(409, 'FAULT_RULES_FULL', message)
    }
    this.#rules.set(rule.name, new LiveRule(rule, this.#generation++, this.#options))
  }

  /** Removes the rule with this name, if there is one. */
  deleteName (name: string): void {
    this.#rules.delete(name)
  }

  /** Removes every rule of this type. */
  deleteType (type: string): void {
    for (const [name, live] of this.#rules) {
      if (live.rule.type === type) this.#rules.delete(name)
    }
  }

  /** Removes every rule. */
  clear (): void {
    this.#rules.clear()
  }

  /** The rules by name, with their state. */
  view (): Record<string, RuleView> {
    return Object.fromEntries([...this.#rules].map(([name, live]) => [name, live.view()]))
  }

  /** Decides what the rules do to a request; undefined if none hits it. */
  judge (target: FaultTarget): Verdict | undefined {
    let delayMs = 0
    let ending: Verdict['ending']
    const types = new Set<string>()
    for (const live of this.#rules.values()) {
      const { rule, fault } = live
      if ('delayMs' in fault) {
        if (live.drawHit(target)) {
          delayMs += fault.delayMs(rule, live.drawDelay)
          types.add(rule.type)
        }
      } else if (ending === undefined && live.drawHit(target)) {
        ending = { fault, rule }
      }
    }
    if (ending !== undefined) types.add(ending.rule.type)
    if (types.size === 0) return undefined
    return { delayMs: Math.min(delayMs, MAX_DELAY_MS), ending, fault: [...types].join() }
  }
}

/** A rule with its streams of numbers and its counters. */
class LiveRule {
  readonly rule: Rule
  readonly fault: FaultType
  readonly #options: Required<FaultRulesOptions>
  readonly #draws: Draws
  readonly drawDelay: () => number
  readonly #setAt: number
  #hits = 0

  constructor (rule: Rule, generation: number, options: Required<FaultRulesOptions>) {
    this.rule = rule
    this.fault = faultTypeOf(rule)
    this.#options = options
    this.#draws = new Draws([options.seed, options.instance, rule.name, generation].join('/'))
    const delays = new Draws(`${this.#draws.key}/delay`)
    this.drawDelay = () => delays.next()
    this.#setAt = options.now()
  }

  /** Draws whether the rule hits a request to which it applies, and counts the draw and the hit. */
  drawHit (target: FaultTarget): boolean {
    if (!this.rule.active || this.#ended !== undefined || !this.#appliesTo(target)) return false
    const hit = this.#draws.next() < this.rule.percentage / 100
    if (hit) this.#hits++
    return hit
  }

  view (): RuleView {
    const { name, ...rule } = this.rule
    const { count, durationMs } = rule
    const ended = this.#ended
    return {
      ...rule,
      active: rule.active && ended === undefined,
      state: {
        seed: this.#options.seed,
        stream: this.#draws.key,
        draws: this.#draws.taken,
        hits: this.#hits,
        left: {
          ...(count !== undefined && { hits: count - this.#hits }),
          ...(durationMs !== undefined && { ms: Math.max(0, Math.ceil(durationMs - this.#age)) })
        },
        ...(ended && { ended })
      }
    }
  }

  get #age (): number {
    return this.#options.now() - this.#setAt
  }

  get #ended (): 'count' | 'duration' | undefined {
    const { count, durationMs } = this.rule
    if (count !== undefined && this.#hits >= count) return 'count'
    if (durationMs !== undefined && this.#age >= durationMs) return 'duration'
    return undefined
  }

  #appliesTo ({ method, path, headers }: FaultTarget): boolean {
    const { scope = {} } = this.rule
    if (scope.path === undefined ? !this.#options.isBusinessPath(path) : !isBelow(scope.path, path)) return false
    if (scope.method !== undefined && scope.method !== method) return false
    return Object.entries(scope.header ?? {}).every(([name, value]) => headers[name.toLowerCase()] === value)
  }
}

/** Whether `path` is `prefix` or below it: /items/1 is below /items, but /items10 is not. */
export function isBelow (prefix: string, path: string): boolean {
  const folder = prefix.endsWith('/') ? prefix : `${prefix}/`
  return path === prefix || path.startsWith(folder)
}
