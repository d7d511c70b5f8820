// Converts the fields of the form to a rule for /blowup, and to commands that set the rule from a terminal.

/** @import { Service } from './seen.js' */

/** @typedef {'percentage' | 'status' | 'latencyMs'} NumberField */

/**
 * @typedef {object} Rule
 * @property {string} type
 * @property {number} percentage
 * @property {number} [status]
 * @property {number} [latencyMs]
 * @property {string} [mode]
 */

/** The ports of the containers. A test compares them with the defaults of the services. */
const PORTS = { catalog: 3000, forum: 8080 }

const DECIMAL = /^\d+([.]\d+)?$/
const WHOLE = /^\d+$/

/**
 * The rule of a form, and what is wrong with its fields. The rule is valid only if no field has an error.
 *
 * @param {Record<'type' | 'percentage' | 'status' | 'latencyMs' | 'mode', string>} fields the text of each field
 * @returns {{ rule: Rule, errors: Partial<Record<NumberField, string>> }}
 */
export function ruleOf ({ type, percentage, status, latencyMs, mode }) {
  /** @type {Partial<Record<NumberField, string>>} */
  const errors = {}
  /**
   * @param {NumberField} field
   * @param {string} text
   * @param {RegExp} shape
   * @param {number} low
   * @param {number} high
   */
  const number = (field, text, shape, low, high) => {
    const value = Number(text)
    if (!shape.test(text.trim()) || value < low || value > high) {
      errors[field] = `Enter a ${shape === WHOLE ? 'whole ' : ''}number from ${low} to ${high}.`
    }
    return value
  }
  const rule = {
    type,
    percentage: number('percentage', percentage, DECIMAL, 0, 100),
    ...(type === 'abort' && { status: number('status', status, WHOLE, 400, 599) }),
    ...(type === 'latency' && { latencyMs: number('latencyMs', latencyMs, DECIMAL, 0, 60_000) }),
    ...(type === 'drop' && { mode })
  }
  return { rule, errors }
}

/**
 * A rule in a few words, as in `latency 60 ms, 100 %`.
 *
 * @param {{ percentage?: number, type?: string, status?: number, latencyMs?: number, mode?: string }} rule
 */
export function ruleInWords ({ type, percentage, status, latencyMs, mode }) {
  const effects = {
    abort: `${status}`,
    latency: latencyMs === undefined ? 'latency' : `latency ${latencyMs} ms`,
    drop: `drop (${mode})`
  }
  const effect = type === 'abort' || type === 'latency' || type === 'drop' ? effects[type] : type
  return `${effect}, ${percentage} %`
}

/**
 * The kubectl commands for one pod: set a rule, show all rules, delete all rules.
 *
 * @param {Service} service
 * @param {string} pod
 */
export function kubectlCommands (service, pod) {
  const curl = `kubectl exec ${pod} -c ${service} -- curl -s`
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
 */
export function scriptCommand ({ type, percentage, status, latencyMs, mode }, service, pod) {
  const words = [
    'scripts/chaos.sh', type, status, latencyMs, percentage,
    ...(mode === undefined || mode === 'fin' ? [] : ['--mode', mode]),
    ...(service === 'catalog' ? [] : ['--app', service]),
    ...(pod === undefined ? [] : ['--pod', pod])
  ]
  return words.filter(word => word !== undefined).join(' ')
}
