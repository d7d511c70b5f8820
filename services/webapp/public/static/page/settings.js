// What a trainer has set, kept in the page's address so that a reload, or another screen, has it again.

/** @import { Header } from './seen.js' */

/**
 * @typedef {object} Settings
 * @property {number} rate requests a second, 1 to 20
 * @property {boolean} paused
 * @property {Header | undefined} header that is sent
 * @property {Set<string>} hidden entries of the legend that are not shown
 */

const DEFAULT_RATE = 5
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/
/** What `fetch` drops without a word. */
const FORBIDDEN = /^(accept-charset|accept-encoding|access-control-.*|connection|content-length|cookie2?|date|dnt|expect|host|keep-alive|origin|referer|set-cookie|te|trailer|transfer-encoding|upgrade|via|proxy-.*|sec-.*|x-http-method|x-http-method-override|x-method-override)$/i
/** As in the service kit's propagation.ts; a test compares the two. */
const HANDED_ON = /^(x-.*|authorization|traceparent|tracestate|baggage|b3|sw8(-correlation|-x)?|grpc-trace-bin)$/i

/**
 * @param {string} search as `location.search` has it; what makes no sense in it is left out
 * @returns {Settings}
 */
export function settingsOf (search) {
  const values = new URLSearchParams(search)
  const rate = Number(values.get('rate'))
  const [, name = '', value = ''] = /^([^:]+):(.*)$/.exec(values.get('header') ?? '') ?? []
  return {
    rate: Number.isInteger(rate) && rate >= 1 && rate <= 20 ? rate : DEFAULT_RATE,
    paused: values.get('paused') === '1',
    header: name !== '' && Object.keys(problemsOf(name, value)).length === 0 ? { name, value } : undefined,
    hidden: new Set(values.get('hide')?.split(',').filter(Boolean))
  }
}

/**
 * The address's query for these settings; what is as by default is not in it, and neither are credentials, since addresses are shown and shared.
 *
 * @param {Settings} settings
 */
export function searchOf ({ rate, paused, header, hidden }) {
  const values = new URLSearchParams()
  if (rate !== DEFAULT_RATE) values.set('rate', String(rate))
  if (header !== undefined && header.name.toLowerCase() !== 'authorization') values.set('header', `${header.name}:${header.value}`)
  if (hidden.size > 0) values.set('hide', [...hidden].join())
  if (paused) values.set('paused', '1')
  return values.size === 0 ? '' : `?${values}`
}

/**
 * What is wrong with a header.
 *
 * @param {string} name
 * @param {string} value
 * @returns {{ name?: string, value?: string }}
 */
export function problemsOf (name, value) {
  /** @type {{ name?: string, value?: string }} */
  const problems = {}
  if (name === '') problems.name = 'Give the name of a header, such as x-dark-launch.'
  else if (!TOKEN.test(name)) problems.name = 'A name has letters, digits and dashes, and no spaces.'
  else if (FORBIDDEN.test(name)) problems.name = `A browser does not let a page send ${name}.`
  if (value === '') problems.value = 'Give a value.'
  else if (!/^[\x20-\x7e]*$/.test(value)) problems.value = 'A value has no other than ASCII characters.'
  return problems
}

/**
 * Whether the webapp hands a header on to what is behind it.
 *
 * @param {string} name
 */
export function isHandedOn (name) {
  return HANDED_ON.test(name)
}
