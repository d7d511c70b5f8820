// Small charts of the last minute: shares of the versions, success, latency.
import { byId, element, svg } from './dom.js'
import { duration, styleOf } from './outcome.js'

/** @import { Summary } from './statistics.js' */

export const PIECES = 30

const WIDTH = 240
const HEIGHT = 64
const STEP = WIDTH / PIECES

export class Charts {
  constructor () {
    for (const id of ['split', 'success', 'latency']) {
      const chart = byId(id, SVGSVGElement)
      chart.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`)
      chart.setAttribute('preserveAspectRatio', 'none')
    }
  }

  /**
   * @param {Summary} all
   * @param {Summary[]} series PIECES of them
   */
  draw (all, series) {
    this.#split(all, series)
    this.#success(all, series)
    this.#latency(all, series)
  }

  /**
   * @param {Summary} all
   * @param {Summary[]} series
   */
  #split ({ versions }, series) {
    show('split', series.flatMap(({ versions }, index) => stack(index, versions.map(({ version, share }) => [`bar ${styleOf(version)}`, share]))),
      `Shares of the versions: ${versions.map(({ version, share }) => `${version} ${percent(share)}`).join(', ') || 'none yet'}.`)
    figures('split', versions.map(({ version, share }) => figure(percent(share), version, styleOf(version))))
  }

  /**
   * @param {Summary} all
   * @param {Summary[]} series
   */
  #success ({ n, success, injected, failed, retried }, series) {
    /** @type {(summary: Summary, index: number) => Element[]} */
    const bars = ({ n, success, injected, failed }, index) => n === 0 ? [] : stack(index, [['bar good', success], ['bar fault', injected], ['bar bad', failed]])
    show('success', series.flatMap(bars), n === 0 ? 'Nothing was answered yet.' : `${percent(success)} of ${n} requests succeeded.`)
    figures('success', n === 0
      ? []
      : [
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
  #latency ({ n, p50, p95 }, series) {
    const top = Math.max(10, ...series.map(({ n, p95 }) => n === 0 ? 0 : p95)) * 1.1
    /** @param {'p50' | 'p95'} name */
    const line = name => svg('path', {
      class: `curve ${name}`,
      d: series.map(({ n, [name]: ms }, index) => n === 0 ? '' : `${series[index - 1]?.n ? 'L' : 'M'}${round((index + 0.5) * STEP)} ${round(HEIGHT - ms / top * HEIGHT)}`).join('') || 'M0 0'
    })
    show('latency', [line('p95'), line('p50')], n === 0 ? 'Nothing was answered yet.' : `Half of the requests took at most ${duration(p50)}, 95 % at most ${duration(p95)}.`)
    figures('latency', n === 0 ? [] : [figure(duration(p50), 'p50', 'line-p50'), figure(duration(p95), 'p95', 'line-p95')])
  }
}

/**
 * Parts of a whole, one upon the other.
 *
 * @param {number} index
 * @param {[string, number][]} parts class and share
 */
function stack (index, parts) {
  let top = HEIGHT
  return parts.filter(([, share]) => share > 0).map(([name, share]) => {
    top -= share * HEIGHT
    return svg('rect', { class: name, x: round(index * STEP + 0.75), y: round(top), width: STEP - 1.5, height: round(share * HEIGHT) })
  })
}

/**
 * @param {string} id
 * @param {Element[]} shapes
 * @param {string} label
 */
function show (id, shapes, label) {
  const chart = byId(id, SVGSVGElement)
  chart.replaceChildren(svg('path', { class: 'base', d: `M0 ${HEIGHT}H${WIDTH}` }), ...shapes)
  chart.setAttribute('aria-label', label)
}

/**
 * @param {string} id
 * @param {Element[]} found
 */
function figures (id, found) {
  byId(`${id}-figures`, HTMLElement).replaceChildren(...(found.length === 0 ? [element('span', { class: 'muted' }, 'nothing yet')] : found))
}

/**
 * @param {string} value
 * @param {string} label
 * @param {string} [sample] whose colour and shape goes with it
 */
function figure (value, label, sample) {
  return element('span', { class: 'figure' }, element('b', {}, value), element('span', {}, ...(sample === undefined ? [] : [element('i', { class: `swatch ${sample}`, 'aria-hidden': 'true' })]), label))
}

/** @param {number} share */
export function percent (share) {
  const value = share * 100
  // 99.96 % is not all.
  return `${value > 99.5 && value < 100 ? Math.min(99.9, Number(value.toFixed(1))) : Math.round(value)} %`
}

/** @param {number} value */
function round (value) {
  return Number(value.toFixed(2))
}
