// The service graph, of what was seen.
import { svg } from './dom.js'
import { percent } from './charts.js'

/** @import { Edge } from './seen.js' */

const ROW = 76
const NODE_HEIGHT = 46

/** Where the columns are, and how wide a node is. */
const WIDE = { width: 640, node: 116, page: 0, webapp: 186, target: 392 }
/** For a phone, on which the other would be too small to read. */
const COMPACT = { width: 436, node: 100, page: 0, webapp: 114, target: 244 }

/** @type {Record<string, string>} */
const NAMES = { page: 'This page', webapp: 'webapp', forum: 'forum', 'catalog ?': 'catalog' }

/**
 * @param {SVGSVGElement} root
 * @param {Edge[]} edges
 */
export function drawGraph (root, edges) {
  const layout = matchMedia('(max-width: 44rem)').matches ? COMPACT : WIDE
  const targets = edges.filter(({ from }) => from === 'webapp')
  const entry = edges.find(({ from }) => from === 'page')
  const height = Math.max(2, targets.length) * ROW
  const middle = height / 2
  /** @param {number} index */
  const rowOf = index => targets.length === 1 ? middle : (index + 0.5) * height / targets.length

  const drawn = [
    ...(entry === undefined ? [] : edge(entry, layout.page + layout.node, middle, layout.webapp, middle)),
    ...targets.flatMap((target, index) => edge(target, layout.webapp + layout.node, middle, layout.target, rowOf(index))),
    node(NAMES['page'] ?? '', '', layout.node, layout.page, middle, true),
    node('webapp', entry === undefined ? 'not seen' : stateOf(entry), layout.node, layout.webapp, middle, entry === undefined || entry.failed === 0),
    ...targets.flatMap((target, index) => [
      node(NAMES[target.to] ?? target.to, isSilent(target) ? '✗ no answer' : stateOf(target), layout.node, layout.target, rowOf(index), target.failed === 0, target.perSecond === 0),
      svg('text', { class: 'traffic', x: layout.target + layout.node + 10, y: rowOf(index) - 3 }, target.perSecond === 0 ? 'no more' : `${target.perSecond.toFixed(1)} /s`),
      ...(target.failed === 0 ? [] : [svg('text', { class: 'traffic fails', x: layout.target + layout.node + 10, y: rowOf(index) + 15 }, `${percent(target.failed)} fail`)])
    ])
  ]
  root.setAttribute('viewBox', `-4 0 ${layout.width} ${height}`)
  root.classList.toggle('compact', layout === COMPACT)
  root.replaceChildren(...drawn)
  root.setAttribute('aria-label', edges.length === 0 ? 'Nothing was seen yet.' : `Seen in the last ten seconds: ${edges.map(inWords).join('; ')}.`)
}

/** @param {Edge} edge */
function inWords (edge) {
  const { from, to, perSecond, failed } = edge
  return `${from === 'page' ? 'this page' : from} calls ${isSilent(edge) ? 'a catalog that does not answer' : NAMES[to] ?? to} ${perSecond.toFixed(1)} times a second${failed > 0 ? `, and ${percent(failed)} fail` : ''}`
}

/**
 * A catalog of unknown version has failed, or it answers and names none.
 *
 * @param {Edge} edge
 */
function isSilent ({ to, failed }) {
  return to === 'catalog ?' && failed > 0
}

/** @param {Edge} edge */
function stateOf ({ failed }) {
  return failed === 0 ? '✓' : '✗'
}

/**
 * An edge as thick as its traffic: what went well, and beside it, in proportion, what failed.
 *
 * @param {Edge} edge
 * @param {number} x1
 * @param {number} y1
 * @param {number} x2
 * @param {number} y2
 */
function edge ({ perSecond, failed }, x1, y1, x2, y2) {
  const thickness = perSecond === 0 ? 1 : 2 + 3 * Math.sqrt(perSecond)
  const bad = failed * thickness
  const good = thickness - bad
  /** @param {number} offset */
  const path = offset => `M${x1} ${y1 + offset}C${(x1 + x2) / 2} ${y1 + offset} ${(x1 + x2) / 2} ${y2 + offset} ${x2} ${y2 + offset}`
  return [
    ...(good > 0 ? [svg('path', { class: perSecond === 0 ? 'flow idle' : 'flow', d: path(-bad / 2), 'stroke-width': good.toFixed(2) })] : []),
    ...(bad > 0 ? [svg('path', { class: 'flow failing', d: path(good / 2), 'stroke-width': bad.toFixed(2) })] : [])
  ]
}

/**
 * @param {string} name
 * @param {string} state
 * @param {number} width
 * @param {number} x
 * @param {number} y
 * @param {boolean} isUp
 * @param {boolean} [isIdle]
 */
function node (name, state, width, x, y, isUp, isIdle = false) {
  return svg('g', { class: `node ${isUp ? 'up' : 'down'}${isIdle ? ' idle' : ''}` },
    svg('rect', { x, y: y - NODE_HEIGHT / 2, width, height: NODE_HEIGHT, rx: 9 }),
    svg('text', { x: x + width / 2, y: y + (state === '' ? 5 : -2) }, name),
    ...(state === '' ? [] : [svg('text', { class: 'state', x: x + width / 2, y: y + 15 }, state)]))
}
