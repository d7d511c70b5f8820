// Converts the fields of the form to a rule for /blowup, and to commands that set the rule from a terminal.

/** @import { Pod, Service } from './seen.js' */

/** @typedef {'percentage' | 'status' | 'latencyMs' | 'medianMs' | 'p99Ms' | 'seconds' | 'count'} NumberField */

/**
 * @typedef {object} Rule
 * @property {string} type
 * @property {string} [name]
 * @property {number} percentage
 * @property {number} [status]
 * @property {number} [latencyMs]
 * @property {string} [distribution]
 * @property {number} [medianMs]
 * @property {number} [p99Ms]
 * @property {string} [mode]
 * @property {number} [durationMs]
 * @property {number} [count]
 */

/** The ports of the containers. A test compares them with the defaults of the services. */
const PORTS = { catalog: 3000, forum: 8080 }

/** @type {Record<NumberField, { low: number, high: number, isWhole?: boolean }>} */
const RANGES = {
  percentage: { low: 0, high: 100 },
  status: { low: 400, high: 599, isWhole: true },
  latencyMs: { low: 0, high: 60_000 },
  medianMs: { low: 1, high: 60_000 },
  p99Ms: { low: 1, high: 60_000 },
  seconds: { low: 1, high: 86_400, isWhole: true },
  count: { low: 1, high: 1_000_000, isWhole: true }
}

/** The fields of the form that hold a number, in the order of the form. */
export const NUMBER_FIELDS = /** @type {NumberField[]} */ (Object.keys(RANGES))

const DECIMAL = /^\d+([.]\d+)?$/
const WHOLE = /^\d+$/

/**
 * The rule of a form, and what is wrong with its fields. The rule is valid only if no field has an error.
 *
 * @param {Record<'type' | 'distribution' | 'mode' | NumberField, string>} fields the text of each field
 * @returns {{ rule: Rule, errors: Partial<Record<NumberField, string>> }}
 */
export function ruleOf (fields) {
  const { type, distribution, mode } = fields
  /** @type {Partial<Record<NumberField, string>>} */
  const errors = {}
  /** @param {NumberField} field */
  const number = field => {
    const { low, high, isWhole = false } = RANGES[field]
    const text = fields[field].trim()
    const value = Number(text)
    if (!(isWhole ? WHOLE : DECIMAL).test(text) || value < low || value > high) {
      errors[field] = `Enter a ${isWhole ? 'whole ' : ''}number from ${low} to ${high}.`
    }
    return value
  }
  const isLognormal = type === 'latency' && distribution === 'lognormal'
  const rule = {
    type,
    percentage: number('percentage'),
    ...(type === 'abort' && { status: number('status') }),
    ...(type === 'latency' && !isLognormal && { latencyMs: number('latencyMs') }),
    ...(isLognormal && { distribution, medianMs: number('medianMs'), p99Ms: number('p99Ms') }),
    ...(type === 'drop' && { mode }),
    ...(fields.seconds.trim() !== '' && { durationMs: number('seconds') * 1000 }),
    ...(fields.count.trim() !== '' && { count: number('count') })
  }
  if (isLognormal && Number(fields.medianMs) > Number(fields.p99Ms)) errors.p99Ms ??= 'Enter at least the median.'
  return { rule, errors }
}

/**
 * A rule in a few words, as in `latency 60 ms, 100 %`.
 *
 * @param {Partial<Rule>} rule
 */
export function ruleInWords ({ type, percentage, status, latencyMs, medianMs, p99Ms, mode, durationMs, count }) {
  const delay = medianMs ?? latencyMs
  const tail = p99Ms === undefined ? '' : ` (p99 ${p99Ms} ms)`
  const effects = {
    abort: `${status}`,
    latency: delay === undefined ? 'latency' : `latency ${delay} ms${tail}`,
    drop: `drop (${mode})`
  }
  const effect = type === 'abort' || type === 'latency' || type === 'drop' ? effects[type] : type
  const limits = [durationMs && `for ${durationMs / 1000} s`, count && `${count} times`]
  return [effect, `${percentage} %`, ...limits].filter(Boolean).join(', ')
}

/**
 * The kubectl commands for one pod: set a rule, show all rules, delete all rules.
 *
 * @param {Pick<Pod, 'service' | 'pod'>} pod
 * @param {string} namespace
 */
export function kubectlCommands ({ service, pod }, namespace) {
  const curl = `kubectl exec -n ${namespace} ${pod} -c ${service} -- curl -s`
  const url = `localhost:${PORTS[service]}/blowup`
  return {
    /** @param {Rule} rule */
    set: rule => `${curl} -X POST -H 'content-type: application/json' -d '${JSON.stringify(rule)}' ${url}`,
    show: `${curl} ${url}`,
    delete: `${curl} -X DELETE ${url}`
  }
}

/**
 * The call of scripts/chaos.sh that sets a rule.
 *
 * @param {Rule} rule
 * @param {Service} service
 * @param {string | undefined} pod undefined for all pods of the service
 * @param {string} namespace
 */
export function scriptCommand (rule, service, pod, namespace) {
  const { type, percentage, status, latencyMs, mode, distribution, durationMs, count } = rule
  // The script has words for the book's faults. It takes all others as JSON.
  const isBooks = distribution === undefined && durationMs === undefined && count === undefined
  const words = [
    'scripts/chaos.sh',
    ...(isBooks ? [type, status, latencyMs, percentage] : ['rule', `'${JSON.stringify(rule)}'`]),
    ...(isBooks && mode !== undefined && mode !== 'fin' ? ['--mode', mode] : []),
    ...(service === 'catalog' ? [] : ['--app', service]),
    ...(pod === undefined ? [] : ['--pod', pod]),
    '-n', namespace
  ]
  return words.filter(word => word !== undefined).join(' ')
}
