// A fault as the form has it: as a rule for /blowup, and as the lines that set it from a terminal.

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

const PORTS = { catalog: 3000, forum: 8080 }

/**
 * @param {{ type: string, percentage: string, status: string, latencyMs: string, mode: string }} fields as they were typed
 * @returns {{ rule: Rule, problems: Partial<Record<NumberField, string>> }}
 */
export function ruleOf ({ type, percentage, status, latencyMs, mode }) {
  /** @type {Partial<Record<NumberField, string>>} */
  const problems = {}
  /**
   * @param {NumberField} field
   * @param {string} text
   * @param {RegExp} shape
   * @param {number} low
   * @param {number} high
   */
  const number = (field, text, shape, low, high) => {
    const value = Number(text)
    if (!shape.test(text.trim()) || value < low || value > high) problems[field] = `A ${shape === WHOLE ? 'whole ' : ''}number from ${low} to ${high}.`
    return value
  }
  const rule = {
    type,
    percentage: number('percentage', percentage, DECIMAL, 0, 100),
    ...(type === 'abort' && { status: number('status', status, WHOLE, 400, 599) }),
    ...(type === 'latency' && { latencyMs: number('latencyMs', latencyMs, DECIMAL, 0, 60_000) }),
    ...(type === 'drop' && { mode })
  }
  return { rule, problems }
}

const DECIMAL = /^\d+([.]\d+)?$/
const WHOLE = /^\d+$/

/**
 * @param {{ percentage?: number, type?: string, status?: number, latencyMs?: number, mode?: string }} rule
 */
export function ruleInWords ({ type, percentage, status, latencyMs, mode }) {
  const what = type === 'abort' ? `${status}` : type === 'latency' ? (latencyMs === undefined ? 'latency' : `latency ${latencyMs} ms`) : type === 'drop' ? `drop (${mode})` : type
  return `${what}, ${percentage} %`
}

/**
 * The lines for one pod: they set the rule, show all its rules, and delete them.
 *
 * @param {Service} service
 * @param {string} pod
 */
export function kubectlLines (service, pod) {
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
 * @param {Rule} rule
 * @param {Service} service
 * @param {string | undefined} pod undefined for all of the service
 */
export function scriptLine ({ type, percentage, status, latencyMs, mode }, service, pod) {
  return ['scripts/chaos.sh', type, status, latencyMs, percentage,
    ...(mode === undefined || mode === 'fin' ? [] : ['--mode', mode]),
    ...(service === 'catalog' ? [] : ['--app', service]),
    ...(pod === undefined ? [] : ['--pod', pod])].filter(word => word !== undefined).join(' ')
}
