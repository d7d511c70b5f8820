// The settings of the page. The address keeps them, so that a reload or another screen has the same settings.

/** @import { Header } from './traffic.js' */

/**
 * @typedef {object} Settings
 * @property {number} rate requests per second, 1 to 20
 * @property {boolean} paused
 * @property {Header | undefined} header the header to send
 * @property {Set<string>} hidden the entries of the legend whose requests are hidden
 * @property {boolean} room whether the page is shown as the room view
 */

const DEFAULT_RATE = 5
/** The characters of a header's name. */
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/
/** The headers that `fetch` drops without an error. */
const FORBIDDEN = new RegExp(`^(${[
  'accept-charset', 'accept-encoding', 'access-control-.*', 'connection', 'content-length', 'cookie2?', 'date', 'dnt',
  'expect', 'host', 'keep-alive', 'origin', 'referer', 'set-cookie', 'te', 'trailer', 'transfer-encoding', 'upgrade',
  'via', 'proxy-.*', 'sec-.*', 'x-http-method', 'x-http-method-override', 'x-method-override'
].join('|')})$`, 'i')

/** The headers that the webapp forwards: PROPAGATED_HEADERS of the service kit. A test compares both. */
export const FORWARDED_HEADERS = [
  'authorization', 'traceparent', 'tracestate', 'baggage', 'b3', 'sw8', 'sw8-correlation', 'sw8-x', 'grpc-trace-bin'
]
/** The webapp also forwards all headers with this prefix: PROPAGATED_PREFIX. */
export const FORWARDED_PREFIX = 'x-'

/**
 * Reads the settings from an address. It ignores invalid values.
 *
 * @param {string} search as in `location.search`
 * @returns {Settings}
 */
export function settingsOf (search) {
  const values = new URLSearchParams(search)
  const rate = Number(values.get('rate'))
  const [, name = '', value = ''] = /^([^:]+):(.*)$/.exec(values.get('header') ?? '') ?? []
  const isValidHeader = name !== '' && Object.keys(headerErrors(name, value)).length === 0
  return {
    rate: Number.isInteger(rate) && rate >= 1 && rate <= 20 ? rate : DEFAULT_RATE,
    paused: values.get('paused') === '1',
    header: isValidHeader ? { name, value } : undefined,
    hidden: new Set(values.get('hide')?.split(',').filter(Boolean)),
    room: values.get('view') === 'room'
  }
}

/**
 * The query of the address for these settings, without default values. It never contains credentials, because people
 * show and share addresses.
 *
 * @param {Settings} settings
 */
export function searchOf ({ rate, paused, header, hidden, room }) {
  const values = new URLSearchParams()
  if (rate !== DEFAULT_RATE) values.set('rate', String(rate))
  if (header !== undefined && header.name.toLowerCase() !== 'authorization') {
    values.set('header', `${header.name}:${header.value}`)
  }
  if (hidden.size > 0) values.set('hide', [...hidden].join())
  if (paused) values.set('paused', '1')
  if (room) values.set('view', 'room')
  return values.size === 0 ? '' : `?${values}`
}

/**
 * A header as the page shows it: without credentials, because an audience may read them.
 *
 * @param {Header} header
 */
export function headerInWords ({ name, value }) {
  return `${name}: ${name.toLowerCase() === 'authorization' ? '…' : value}`
}

/**
 * What is wrong with a header that the page should send. An empty object means that the header is valid.
 *
 * @param {string} name
 * @param {string} value
 * @returns {{ name?: string, value?: string }}
 */
export function headerErrors (name, value) {
  /** @type {{ name?: string, value?: string }} */
  const errors = {}
  if (name === '') errors.name = 'Enter the name of a header, such as x-dark-launch.'
  else if (!TOKEN.test(name)) errors.name = 'Use letters, digits and dashes, and no spaces.'
  else if (FORBIDDEN.test(name)) errors.name = `A browser does not let a page send ${name}.`
  if (value === '') errors.value = 'Enter a value.'
  else if (!/^[\x20-\x7e]*$/.test(value)) errors.value = 'Use only printable ASCII characters.'
  return errors
}

/**
 * Whether the webapp forwards this header to the services behind it.
 *
 * @param {string} name
 */
export function isForwarded (name) {
  const lowerCase = name.toLowerCase()
  return lowerCase.startsWith(FORWARDED_PREFIX) || FORWARDED_HEADERS.includes(lowerCase)
}
