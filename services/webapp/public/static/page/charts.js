import { byId, element, setText, svg } from './dom.js'
import { duration, styleOf, TIMEOUT_MS } from './outcome.js'
import { MINUTE_MS, NO_POD } from './statistics.js'

/** @import { Kind } from './outcome.js' */
/** @import { Edge } from './seen.js' */
/** @import { Summary } from './statistics.js' */

/** The last minute has this many pieces, each one column of a chart. */
export const PIECES = 30

const WIDTH = 240
const HEIGHT = 64
const STEP = WIDTH / PIECES
const PIECE_MS = MINUTE_MS / PIECES
/** The scale of the latency is logarithmic, from 1 ms to 10 s, so that one slow request does not flatten the others. */
const DECADES = 4

/**
 * The labels of the kinds of failure in the success chart, from bottom to top.
 *
 * @type {Partial<Record<Kind, string>>}
 */
const FAILURES = { fault: 'injected', error: 'error', timeout: 'timeout', dropped: 'no answer' }

/**
 * @typedef {object} Figures
 * @property {Summary} recent
 * @property {Summary} minute the last minute
 * @property {Summary[]} series its pieces
 * @property {Edge | undefined} forum the recent calls to the forum
 */

/** Shares of the versions, success and latency: recent figures, and small charts of the last minute. */
export class Charts {
  /** @type {{ at: number, text: string }[]} changes of the traffic and the faults */
  #marks = []

  constructor () {
    for (const id of ['split', 'success', 'latency']) {
      const chart = byId(id, SVGSVGElement)
      chart.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`)
      chart.setAttribute('preserveAspectRatio', 'none')
    }
  }

  /**
   * Marks a change in all charts.
   *
   * @param {string} text
   * @param {number} at milliseconds of the page's clock
   */
  mark (text, at) {
    this.#marks.push({ at, text })
  }

  /** Forgets the marks. */
  clear () {
    this.#marks = []
  }

  /**
   * @param {Figures} figures
   * @param {number} now
   */
  draw (figures, now) {
    this.#marks = this.#marks.filter(({ at }) => placeOf(at, now) > 0)
    const lines = () => this.#marks.map(({ at, text }) => {
      const x = round(placeOf(at, now))
      return svg('path', { class: 'mark', d: `M${x} 0V${HEIGHT}` }, svg('title', {}, text))
    })
    const words = this.#marks.map(({ at, text }) => ` ${Math.round((now - at) / 1000)} s ago: ${text}.`).join('')
    for (const draw of [drawSplit, drawSuccess, drawLatency]) {
      const { id, shapes, label } = draw(figures)
      const chart = byId(id, SVGSVGElement)
      chart.replaceChildren(svg('path', { class: 'base', d: `M0 ${HEIGHT}H${WIDTH}` }), ...shapes, ...lines())
      chart.setAttribute('aria-label', label + words)
    }
  }
}

/**
 * The x coordinate of a time in a chart. The columns begin at fixed times of the clock.
 *
 * @param {number} at
 * @param {number} now
 */
function placeOf (at, now) {
  return (at / PIECE_MS - Math.floor(now / PIECE_MS) + PIECES - 1) * STEP
}

/** @param {Figures} figures */
function drawSplit ({ recent: { versions }, series }) {
  /** @type {(summary: Summary, index: number) => Element[]} */
  const bars = ({ versions }, index) =>
    stack(index, versions.map(({ version, share }) => [`bar ${classOf(version)}`, share]))
  const shares = percents(versions.map(({ share }) => share))
  const words = versions.map(({ version }, index) => `${version} ${shares[index]}`).join(', ') || 'none'
  showFigures('split', versions.map(({ version }, index) => figure(shares[index] ?? '', version, classOf(version))))
  return { id: 'split', shapes: series.flatMap(bars), label: `Shares of the versions: ${words}.` }
}

/** @param {Figures} figures */
function drawSuccess ({ recent: { n, success, shares }, minute, series, forum }) {
  const kinds = /** @type {[Kind, string][]} */ (Object.entries(FAILURES))
  /** @type {(summary: Summary, index: number) => Element[]} */
  const bars = ({ n, success, shares }, index) => n === 0
    ? []
    : stack(index, [['bar good', success], ...kinds.map(([kind]) => share(`bar ${kind}`, shares[kind]))])
  const failures = kinds.filter(([kind]) => shares[kind])
  const [ok = '', ...failed] = percents([success, ...failures.map(([kind]) => shares[kind] ?? 0)])
  showFigures('success', n === 0
    ? []
    : [figure(ok, 'ok'), ...failures.map(([kind, label], index) => figure(failed[index] ?? '', label, kind))])
  setText('success-minute', minute.n === 0 ? '' : `last minute: ${percent(minute.success)}`)
  const [state, words] = forumInWords(forum)
  byId('forum-state', HTMLElement).className = state
  setText('forum-state', `forum ${words}`)
  const label = n === 0 ? 'No answers.' : `${ok} of ${n} requests succeeded.`
  return { id: 'success', shapes: series.flatMap(bars), label }
}

/**
 * The class and the words for the state of the forum, as in the graph.
 *
 * @param {Edge} [edge]
 * @returns {[string, string]}
 */
function forumInWords (edge) {
  if (edge === undefined || edge.perSecond === 0) return ['idle', '? unknown']
  return edge.failed === 0 ? ['up', '✓ ok'] : ['down', `✗ ${percent(edge.failed)} fail`]
}

/**
 * @param {string} name
 * @param {number} [value]
 * @returns {[string, number]}
 */
function share (name, value = 0) {
  return [name, value]
}

/** @param {Figures} figures */
function drawLatency ({ recent: { versions, p95, gaveUp }, series }) {
  const answering = versions.filter(({ version }) => version !== NO_POD)
  const names = new Set(series.flatMap(({ versions }) => versions.map(({ version }) => version)))
  names.delete(NO_POD)
  const shapes = [
    ...Array.from({ length: DECADES }, (_, decade) =>
      svg('path', { class: 'base', d: `M0 ${HEIGHT / DECADES * decade}H${WIDTH}` })),
    curve('p95', series.map(({ p95 }) => p95)),
    ...[...names].map(name => curve(`p50 ${styleOf(name)}`, series.map(({ versions }) =>
      versions.find(({ version }) => version === name)?.p50 ?? NaN)))
  ]
  const limit = `over ${TIMEOUT_MS / 1000} s`
  showFigures('latency', [
    ...answering.map(({ version, p50 }) => figure(duration(p50), `${version} p50`, `line-${styleOf(version)}`)),
    ...(Number.isNaN(p95) ? [] : [figure(duration(p95), 'p95', 'line-p95')]),
    ...(gaveUp === 0 ? [] : [figure(String(gaveUp), limit, 'dropped')])
  ])
  const label = [
    ...answering.map(({ version, p50 }) => `Half of the answers from ${version} took at most ${duration(p50)}.`),
    Number.isNaN(p95) ? 'No answers.' : `95 % of all answers took at most ${duration(p95)}.`,
    ...(gaveUp === 0 ? [] : [`Requests without an answer within ${TIMEOUT_MS / 1000} s: ${gaveUp}.`])
  ].join(' ')
  return { id: 'latency', shapes, label }
}

/**
 * A curve of milliseconds, with gaps where a piece has no value.
 *
 * @param {string} name
 * @param {number[]} values
 */
function curve (name, values) {
  const points = values.map((ms, index) => {
    if (Number.isNaN(ms)) return ''
    const isFirst = index === 0 || Number.isNaN(values[index - 1])
    const [command, end] = isFirst ? ['M', 'h.01'] : ['L', ''] // a single point is drawn as a dot
    const height = Math.min(1, Math.max(0, Math.log10(ms) / DECADES)) * HEIGHT
    return `${command}${round((index + 0.5) * STEP)} ${round(HEIGHT - height)}${end}`
  })
  return svg('path', { class: `curve ${name}`, d: points.join('') || 'M0 0' })
}

/**
 * The class of a version, or of calls that no pod answered.
 *
 * @param {string} version
 */
function classOf (version) {
  return version === NO_POD ? 'dropped' : styleOf(version)
}

/**
 * Bars of one column, one on top of the other.
 *
 * @param {number} index of the column
 * @param {[string, number][]} parts the class and the share of each bar
 */
function stack (index, parts) {
  let top = HEIGHT
  return parts.filter(([, share]) => share > 0).map(([name, share]) => {
    top -= share * HEIGHT
    const place = { x: round(index * STEP + 0.75), y: round(top) }
    return svg('rect', { class: name, ...place, width: STEP - 1.5, height: round(share * HEIGHT) })
  })
}

/**
 * @param {string} id
 * @param {Element[]} figures
 */
function showFigures (id, figures) {
  const shown = figures.length === 0 ? [element('span', { class: 'muted' }, 'no requests')] : figures
  byId(`${id}-figures`, HTMLElement).replaceChildren(...shown)
}

/**
 * @param {string} value
 * @param {string} label
 * @param {string} [swatch] the class of the color and shape before the label
 */
function figure (value, label, swatch) {
  const sample = swatch === undefined ? [] : [element('i', { class: `swatch ${swatch}`, 'aria-hidden': 'true' })]
  return element('span', { class: 'figure' }, element('b', {}, value), element('span', {}, ...sample, label))
}

/**
 * A share as a percentage, such as `50 %` or `99.9 %`. Only a share of 1 reads as `100 %`, and only 0 as `0 %`.
 *
 * @param {number} share 0 to 1
 */
export function percent (share) {
  const value = share * 100
  const needsDecimal = (value > 0 && value < 1) || (value > 99 && value < 100)
  return `${needsDecimal ? Math.min(99.9, Math.max(0.1, Number(value.toFixed(1)))) : Math.round(value)} %`
}

/**
 * Shares of a whole as percentages that add up to 100: the largest remainders are rounded up. If a share needs a
 * decimal, each is rounded alone.
 *
 * @param {number[]} shares
 */
export function percents (shares) {
  const values = shares.map(share => share * 100)
  if (values.some(value => (value > 0 && value < 1) || (value > 99 && value < 100))) return shares.map(percent)
  const missing = Math.round(values.reduce((sum, value) => sum + value % 1, 0))
  const byRemainder = [...values.keys()].sort((a, b) => (values[b] ?? 0) % 1 - (values[a] ?? 0) % 1)
  const raised = new Set(byRemainder.slice(0, missing))
  return values.map((value, index) => `${Math.floor(value) + Number(raised.has(index))} %`)
}

/** @param {number} value */
function round (value) {
  return Number(value.toFixed(2))
}
