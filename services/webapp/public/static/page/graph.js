// Draws the service graph from what the page has seen.
import { RECENT_MS } from '../shared/recent.js'
import { isNarrow, svg } from './dom.js'
import { percent } from './charts.js'
import { UNKNOWN_CATALOG } from './seen.js'

/** @import { Edge } from './seen.js' */

/** @typedef {{ x: number, y: number }} Point */

const NODE_HEIGHT = 46

/** The height of a row, the left edges of the columns, and the width of a node. */
const WIDE = { row: 76, width: 640, node: 116, page: 0, webapp: 186, target: 392 }
/** For a phone and for a room, where the wide graph would be too small to read. */
const COMPACT = { row: 64, width: 436, node: 100, page: 0, webapp: 114, target: 244 }

/** @type {Record<string, string>} */
const NAMES = { page: 'This page', webapp: 'webapp', forum: 'forum', [UNKNOWN_CATALOG]: 'catalog' }

/** @typedef {{ name: 'up' | 'down' | 'idle', text: string }} State */

/** @type {State} */
const IDLE = { name: 'idle', text: '?' }

/**
 * Draws the page, the webapp, and the services that the webapp calls, with the traffic between them.
 *
 * @param {SVGSVGElement} root
 * @param {Edge[]} edges
 * @param {string} tries the rate of tries of the catalog, in words; empty without retries
 */
export function drawGraph (root, edges, tries) {
  const isRoom = document.documentElement.classList.contains('room')
  const layout = isRoom || isNarrow() ? COMPACT : WIDE
  const targets = edges.filter(({ from }) => from === 'webapp')
  const entry = edges.find(({ from }) => from === 'page')
  const height = Math.max(2, targets.length) * layout.row
  const middle = height / 2
  /** @param {number} index */
  const rowOf = index => targets.length === 1 ? middle : (index + 0.5) * height / targets.length
  const width = layout.node
  const fromPage = { x: layout.page + width, y: middle }
  const toWebapp = { x: layout.webapp, y: middle }
  const fromWebapp = { x: layout.webapp + width, y: middle }

  root.replaceChildren(
    ...(entry === undefined ? [] : drawEdge(entry, fromPage, toWebapp)),
    ...targets.flatMap((target, index) => drawEdge(target, fromWebapp, { x: layout.target, y: rowOf(index) })),
    drawNode({ name: NAMES['page'] ?? '', width, x: layout.page, y: middle }),
    drawNode({ name: 'webapp', state: entry === undefined ? IDLE : stateOf(entry), width, ...toWebapp }),
    svg('text', { class: 'traffic tries', x: layout.webapp + width / 2, y: middle + 42 }, tries),
    ...targets.flatMap((target, index) => drawTarget(target, width, { x: layout.target, y: rowOf(index) }))
  )
  root.setAttribute('viewBox', `-4 0 ${layout.width} ${height}`)
  root.classList.toggle('compact', layout === COMPACT)
  const retries = tries === '' ? [] : [`with retries, the catalog gets ${tries}`]
  const calls = [...edges.map(inWords), ...retries].join('; ')
  const label = `Seen in the last ${RECENT_MS / 1000} seconds: ${calls}.`
  root.setAttribute('aria-label', calls === '' ? 'No requests seen yet.' : label)
}

/**
 * A service that the webapp calls, with its traffic beside it.
 *
 * @param {Edge} edge
 * @param {number} width
 * @param {Point} place
 */
function drawTarget (edge, width, { x, y }) {
  const { to, perSecond, failed } = edge
  const traffic = perSecond === 0 ? 'no traffic' : `${figureOf(perSecond)} calls/s`
  const beside = x + width + 10
  return [
    drawNode({ name: NAMES[to] ?? to, state: stateOf(edge), width, x, y }),
    svg('text', { class: 'traffic', x: beside, y: y - 3 }, traffic),
    ...(failed === 0 ? [] : [svg('text', { class: 'traffic fails', x: beside, y: y + 15 }, `${percent(failed)} fail`)])
  ]
}

/** @param {Edge} edge */
function inWords ({ from, to, perSecond, failed, isSuspected }) {
  const caller = from === 'page' ? 'this page' : from
  const target = to === UNKNOWN_CATALOG ? 'a catalog that does not answer' : NAMES[to] ?? to
  const suspicion = isSuspected ? ', and its rule may be why calls get no answer' : ''
  if (perSecond === 0) return `${target} has no traffic${suspicion}`
  const failures = failed > 0 ? `, and ${percent(failed)} fail` : ''
  return `${caller} calls ${target} ${figureOf(perSecond)} times a second${failures}`
}

/**
 * The state of the service that the edge leads to. Without recent traffic, it is unknown.
 *
 * @param {Edge} edge
 * @returns {State}
 */
function stateOf ({ to, perSecond, failed, isSuspected }) {
  if (perSecond === 0) return isSuspected ? { name: 'idle', text: '? suspected' } : IDLE
  if (failed === 0) return { name: 'up', text: '✓' }
  return { name: 'down', text: to === UNKNOWN_CATALOG ? '✗ no pod' : '✗' }
}

/**
 * A rate without its unit, such as `5.7` or `14`.
 *
 * @param {number} perSecond
 */
export function figureOf (perSecond) {
  return perSecond < 9.95 ? perSecond.toFixed(1) : String(Math.round(perSecond))
}

/**
 * An edge is two lines side by side: one for the successes, one for the failures. Their thickness shows the traffic.
 *
 * @param {Edge} edge
 * @param {Point} from
 * @param {Point} to
 */
function drawEdge ({ perSecond, failed }, from, to) {
  const thickness = perSecond === 0 ? 1 : 2 + 3 * Math.sqrt(perSecond)
  const bad = failed * thickness
  const good = thickness - bad
  const middle = (from.x + to.x) / 2
  /** @param {number} offset */
  const path = offset => {
    const [start, end] = [from.y + offset, to.y + offset]
    return `M${from.x} ${start}C${middle} ${start} ${middle} ${end} ${to.x} ${end}`
  }
  /**
   * @param {string} name
   * @param {number} offset
   * @param {number} width
   */
  const line = (name, offset, width) =>
    width > 0 ? [svg('path', { class: name, d: path(offset), 'stroke-width': width.toFixed(2) })] : []
  return [
    ...line(perSecond === 0 ? 'flow idle' : 'flow', -bad / 2, good),
    ...line('flow failing', good / 2, bad)
  ]
}

/**
 * @typedef {object} Node
 * @property {string} name
 * @property {State} [state] a second line of text
 * @property {number} width
 * @property {number} x left edge
 * @property {number} y middle
 */

/** @param {Node} node */
function drawNode ({ name, state, width, x, y }) {
  const middle = x + width / 2
  return svg('g', { class: `node ${state?.name ?? ''}` },
    svg('rect', { x, y: y - NODE_HEIGHT / 2, width, height: NODE_HEIGHT, rx: 9 }),
    svg('text', { x: middle, y: y + (state === undefined ? 5 : -2) }, name),
    ...(state === undefined ? [] : [svg('text', { class: 'state', x: middle, y: y + 15 }, state.text)]))
}
