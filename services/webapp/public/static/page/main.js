// Starts the page: sends requests as the settings say, and passes each outcome to the modules that show it.
import { Charts, PIECES } from './charts.js'
import { Clock } from './clock.js'
import { Controls } from './controls.js'
import { byId, setText } from './dom.js'
import { Faults } from './faults.js'
import { drawGraph, figureOf } from './graph.js'
import { Grid } from './grid.js'
import { Legend, LEGEND } from './legend.js'
import { outcomeOf } from './outcome.js'
import { enableRoomView } from './room.js'
import { edgesOf, isOfCatalog, isWebappSilent, Sightings } from './seen.js'
import { searchOf, settingsOf } from './settings.js'
import { History } from './statistics.js'
import { Store } from './store.js'
import { Traffic } from './traffic.js'

/** @import { Summary } from './statistics.js' */

/**
 * How often the page draws the grid, in milliseconds. The browser paints all changes of this time at once; to paint
 * each request as it is sent and answered would take several times the CPU time.
 */
const DRAW_MS = 250
/** With every n-th drawing of the grid, the page draws the figures, the charts and the graph too. */
const DRAWINGS = 4
/** Requests per second to the forum. */
const FORUM_RATE = 0.5
/** The rate counts as reached if it is at least this share of the set rate. */
const REACHED = 0.85
/** The key of the session's storage for the pods. After a reload, pods that drop all calls can then still be healed. */
const PODS = 'pods'

document.documentElement.classList.add('alive')

const settings = settingsOf(location.search)
const clock = new Clock(settings.paused)
let calls = newCalls()
const seen = new Sightings()
for (const pod of JSON.parse(sessionStorage.getItem(PODS) ?? '[]')) seen.markReached({ ...pod, at: 0 }, clock.now())
const cells = byId('grid', HTMLElement)
const grid = new Grid(cells, byId('detail', HTMLElement))
const legend = new Legend(byId('legend', HTMLElement), settings.hidden, applySettings)
const charts = new Charts()
const faults = new Faults(pod => seen.markReached(pod, clock.now()), mark)
const store = new Store({ header: () => settings.header, onAwaited: () => traffic.send() })
const controls = new Controls(settings, { onChange: applySettings, onMark: mark, onStartOver: startOver })

const traffic = new Traffic({
  path: 'api/catalog',
  ...settings,
  now: () => clock.now(),
  onSent: sent => {
    grid.sent(sent)
    calls.catalog.sent(sent)
  },
  onAnswered: (sent, answer, ms) => {
    const outcome = outcomeOf(answer, ms, 'Catalog')
    grid.answered(sent, outcome)
    calls.catalog.answered(sent, outcome)
    seen.add('catalog', outcome, clock.now(), sent.header)
    store.update(outcome, answer.body)
  },
  onState: state => controls.show(state)
})

const forum = new Traffic({
  path: 'api/users',
  ...settings,
  now: () => clock.now(),
  rate: FORUM_RATE,
  onSent: sent => calls.forum.sent(sent),
  onAnswered: (sent, answer, ms) => {
    const outcome = outcomeOf(answer, ms, 'Forum')
    calls.forum.answered(sent, outcome)
    seen.add('forum', outcome, clock.now(), sent.header)
  }
})

grid.hide(settings.hidden, Object.keys(LEGEND))
enableRoomView(settings, applySettings)
let drawings = 0
setInterval(() => {
  grid.draw()
  if (++drawings % DRAWINGS === 0) draw()
}, DRAW_MS)
addEventListener('pagehide', () => sessionStorage.setItem(PODS, JSON.stringify(podsAt(clock.now()))))
draw()

/** Makes the address, the grid and the traffic follow the settings. */
function applySettings () {
  history.replaceState(null, '', `${location.pathname}${searchOf(settings)}${location.hash}`)
  grid.hide(settings.hidden, Object.keys(LEGEND))
  const { rate, paused, header } = settings
  clock.pause(paused)
  traffic.change({ rate, paused, header })
  forum.change({ paused, header })
}

/** @param {string} change of the traffic or of the faults */
function mark (change) {
  charts.mark(change, clock.now())
}

/** Clears all figures, charts and marks. The pods and the grid stay. */
function startOver () {
  calls = newCalls()
  charts.clear()
  draw()
}

function newCalls () {
  return { catalog: new History(clock.now()), forum: new History(clock.now()) }
}

/** @param {number} now */
function podsAt (now) {
  return seen.pods(now, pod => faults.hasRule(pod))
}

function draw () {
  if (document.visibilityState === 'hidden') return
  const now = clock.now()
  const pods = podsAt(now)
  const catalogs = pods.filter(isOfCatalog)
  const [recent, users] = [calls.catalog.recent(now), calls.forum.recent(now)]
  const minute = calls.catalog.minute(now)
  const edges = edgesOf(recent, users, {
    versions: minute.versions.map(({ version }) => version),
    suspects: catalogs.filter(pod => faults.dropsCalls(pod)).map(({ version }) => version),
    hasForum: calls.forum.minute(now).calls > 0
  })
  const isSilent = isWebappSilent(recent, users)
  const tries = triesInWords(recent)

  setText('total', [rateInWords(recent), tries].filter(Boolean).join(', '))
  legend.showCounts(cells)
  const series = calls.catalog.series(now, PIECES)
  charts.draw({ recent, minute, series, forum: edges.find(({ to }) => to === 'forum') }, now)
  byId('webapp-silent', HTMLElement).hidden = !isSilent
  drawGraph(byId('seen', SVGSVGElement), edges, tries)
  faults.show(pods)
  store.show(catalogs, recent, isSilent)
}

/**
 * The actual rate, and the set rate too if that was not reached.
 *
 * @param {Summary} recent
 */
function rateInWords ({ perSecond }) {
  const isReached = settings.paused || perSecond >= settings.rate * REACHED
  return `${figureOf(perSecond)}${isReached ? '' : ` of ${settings.rate}`} calls/s`
}

/**
 * The rate of tries: calls and their retries. It is empty without retries, or if no proxy counts attempts.
 *
 * @param {Summary} recent
 */
function triesInWords ({ perSecond, triesPerSecond = 0 }) {
  return triesPerSecond > perSecond ? `about ${figureOf(triesPerSecond)} tries/s` : ''
}
