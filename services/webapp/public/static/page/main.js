// Starts the page: sends requests as the settings say, and passes each outcome to the modules that show it.
import { Charts, PIECES } from './charts.js'
import { Controls } from './controls.js'
import { byId, setText } from './dom.js'
import { Faults } from './faults.js'
import { drawGraph } from './graph.js'
import { Grid } from './grid.js'
import { Legend, LEGEND } from './legend.js'
import { outcomeOf } from './outcome.js'
import { enableRoomView } from './room.js'
import { Sightings } from './seen.js'
import { searchOf, settingsOf } from './settings.js'
import { LastMinute } from './statistics.js'
import { Store } from './store.js'
import { Traffic } from './traffic.js'

/** How often figures, charts and graph are drawn, in milliseconds. */
const DRAW_MS = 1000
/** Requests per second to the forum. Only the graph needs them. */
const FORUM_RATE = 0.25

document.documentElement.classList.add('alive')

const settings = settingsOf(location.search)
const minute = new LastMinute()
const seen = new Sightings()
const grid = new Grid(byId('grid', HTMLElement), byId('detail', HTMLElement))
const legend = new Legend(byId('legend', HTMLElement), settings.hidden, applySettings)
const charts = new Charts()
const faults = new Faults(pod => seen.markReached(pod, performance.now()))
const store = new Store({ header: () => settings.header, onAwaited: () => traffic.send() })
const controls = new Controls(settings, applySettings)

const traffic = new Traffic({
  path: 'api/catalog',
  ...settings,
  onSent: sent => grid.sent(sent),
  onAnswered: (sent, answer, ms) => {
    const now = performance.now()
    const outcome = outcomeOf(answer, ms, 'Catalog')
    grid.answered(sent, outcome)
    minute.add(outcome, now)
    seen.add('catalog', outcome, now, sent.header)
    store.update(outcome, answer.body, now)
  },
  onState: state => controls.show(state)
})

const forum = new Traffic({
  path: 'api/users',
  rate: FORUM_RATE,
  paused: settings.paused,
  header: settings.header,
  onAnswered: (sent, answer, ms) => seen.add('forum', outcomeOf(answer, ms, 'Forum'), performance.now(), sent.header)
})

grid.hide(settings.hidden, Object.keys(LEGEND))
enableRoomView(settings, applySettings)
setInterval(draw, DRAW_MS)
draw()

/** Makes the address, the grid and the traffic follow the settings. */
function applySettings () {
  history.replaceState(null, '', `${location.pathname}${searchOf(settings)}${location.hash}`)
  grid.hide(settings.hidden, Object.keys(LEGEND))
  const { rate, paused, header } = settings
  traffic.change({ rate, paused, header })
  forum.change({ paused, header })
}

function draw () {
  if (document.visibilityState === 'hidden') return
  const now = performance.now()
  const summary = minute.summary(now)
  charts.draw(summary, minute.series(now, PIECES))
  legend.showCounts(summary.byKey)
  setText('total', `${summary.n} in the last minute`)
  drawGraph(byId('seen', SVGSVGElement), seen.edges(now))
  const pods = seen.pods(now, pod => faults.hasRule(pod))
  faults.show(pods)
  store.keepOnly(pods.filter(({ service }) => service === 'catalog'))
}
