import { byId, element, svg } from './dom.js'
import { duration, styleOf } from './outcome.js'

/** @import { Summary } from './statistics.js' */

/** The last minute has this many pieces, each one column of a chart. */
export const PIECES = 30

const WIDTH = 240
const HEIGHT = 64
const STEP = WIDTH / PIECES
const NO_ANSWERS = 'No answers yet.'

/** Small charts of the last minute: shares of the versions, success, latency. */
export class Charts {
  constructor () {
    for (const id of ['split', 'success', 'latency']) {
      const chart = byId(id, SVGSVGElement)
      chart.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`)
      chart.setAttribute('preserveAspectRatio', 'none')
    }
  }

  /**
   * @param {Summary} all the whole minute
   * @param {Summary[]} series its pieces
   */
  draw (all, series) {
    drawSplit(all, series)
    drawSuccess(all, series)
    drawLatency(all, series)
  }
}

/**
 * @param {Summary} all
 * @param {Summary[]} series
 */
function drawSplit ({ versions }, series) {
  /** @type {(summary: Summary, index: number) => Element[]} */
  const bars = ({ versions }, index) =>
    stack(index, versions.map(({ version, share }) => [`bar ${styleOf(version)}`, share]))
  const shares = versions.map(({ version, share }) => `${version} ${percent(share)}`).join(', ') || 'none yet'
  drawChart('split', series.flatMap(bars), `Shares of the versions: ${shares}.`)
  showFigures('split', versions.map(({ version, share }) => figure(percent(share), version, styleOf(version))))
}

/**
 * @param {Summary} all
 * @param {Summary[]} series
 */
function drawSuccess ({ n, success, injected, failed, retried }, series) {
  /** @type {(summary: Summary, index: number) => Element[]} */
  const bars = ({ n, success, injected, failed }, index) =>
    n === 0 ? [] : stack(index, [['bar good', success], ['bar fault', injected], ['bar bad', failed]])
  const label = n === 0 ? NO_ANSWERS : `${percent(success)} of ${n} requests succeeded.`
  drawChart('success', series.flatMap(bars), label)
  if (n === 0) return showFigures('success', [])
  showFigures('success', [
    figure(percent(success), 'ok'),
    ...(injected > 0 ? [figure(percent(injected), 'injected', 'fault')] : []),
    ...(failed > 0 ? [figure(percent(failed), 'failed', 'error')] : []),
    ...(retried > 0 ? [figure(percent(retried), 'retried')] : [])
  ])
}

/**
 * @param {Summary} all
 * @param {Summary[]} series
 */
function drawLatency ({ n, p50, p95 }, series) {
  const top = Math.max(10, ...series.map(({ n, p95 }) => n === 0 ? 0 : p95)) * 1.1
  /** @param {'p50' | 'p95'} name */
  const curve = name => {
    const points = series.map(({ n, [name]: ms }, index) => {
      if (n === 0) return '' // a gap in the curve
      const command = series[index - 1]?.n ? 'L' : 'M'
      return `${command}${round((index + 0.5) * STEP)} ${round(HEIGHT - ms / top * HEIGHT)}`
    })
    return svg('path', { class: `curve ${name}`, d: points.join('') || 'M0 0' })
  }
  const label = n === 0
    ? NO_ANSWERS
    : `Half of the requests took at most ${duration(p50)}, 95 % took at most ${duration(p95)}.`
  drawChart('latency', [curve('p95'), curve('p50')], label)
  showFigures('latency', n === 0
    ? []
    : [figure(duration(p50), 'p50', 'line-p50'), figure(duration(p95), 'p95', 'line-p95')])
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
 * @param {Element[]} shapes
 * @param {string} label
 */
function drawChart (id, shapes, label) {
  const chart = byId(id, SVGSVGElement)
  chart.replaceChildren(svg('path', { class: 'base', d: `M0 ${HEIGHT}H${WIDTH}` }), ...shapes)
  chart.setAttribute('aria-label', label)
}

/**
 * @param {string} id
 * @param {Element[]} figures
 */
function showFigures (id, figures) {
  const shown = figures.length === 0 ? [element('span', { class: 'muted' }, 'nothing yet')] : figures
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
 * A share as a percentage, such as `99.9 %`. Only a share of 1 reads as `100 %`.
 *
 * @param {number} share 0 to 1
 */
export function percent (share) {
  const value = share * 100
  const rounded = value > 99.5 && value < 100 ? Math.min(99.9, Number(value.toFixed(1))) : Math.round(value)
  return `${rounded} %`
}

/** @param {number} value */
function round (value) {
  return Number(value.toFixed(2))
}
