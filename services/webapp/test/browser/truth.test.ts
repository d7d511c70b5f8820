// After each change of the store, everything that the page shows agrees within ten seconds.
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import type { Store } from '../store.ts'
import { describeInBrowser, requestsInFlight, setVisibility, startedStore, test, WAIT } from './visit.ts'

/** The page promises this to its users. Here, these are seconds of the page's own clock. */
const TRUE_WITHIN_S = 10
const STEP_MS = 100
const BROKEN = { type: '500', percentage: 100 }

/** What the page shows. Shares are numbers from 0 to 1. */
interface Shown {
  /** catalog calls per second */
  rate: number
  success: Record<string, number>
  /** the share of successes in the last minute */
  minute: number
  versions: Record<string, number>
  /** milliseconds, and the number of requests over 5 s */
  latency: Record<string, number>
  /** the state of the fault bar */
  faults: string
  /** the text of each node's state, by the node's name */
  nodes: Record<string, string>
  /** the share of each color in the last bars */
  splitBars: Record<string, number>
  successBars: Record<string, number>
  /** the mean share of successes of all columns of the chart */
  successChart: number
  forum: string
  banner: string
  shop: string
  /** the graph in words */
  graph: string
  legend: Record<string, number>
  /** how many cells of the grid have which key of the legend */
  cells: Record<string, number>
}

const READ = `(() => {
  const all = selector => [...document.querySelectorAll(selector)]
  const shown = selector => all(selector).filter(({ hidden }) => !hidden).map(one => one.textContent.trim()).join()
  const share = text => parseFloat(text) / 100
  const ms = text => parseFloat(text) * (text.endsWith(' s') ? 1000 : 1)
  const figures = (id, valueOf) => Object.fromEntries(all('#' + id + '-figures .figure').map(figure =>
    [figure.querySelector('span').textContent, valueOf(figure.querySelector('b').textContent)]))
  const sum = (bars, attribute) => bars.reduce((sum, bar) => sum + Number(bar.getAttribute(attribute)), 0)
  const COLUMN = 8 // each column of a chart is two seconds
  const lastBars = id => {
    const bars = all('#' + id + ' .bar').filter(bar => Number(bar.getAttribute('x')) > 26 * COLUMN)
    const total = sum(bars, 'height')
    const shares = {}
    for (const bar of bars) {
      const name = bar.classList[1]
      shares[name] = (shares[name] ?? 0) + Number(bar.getAttribute('height')) / total
    }
    return shares
  }
  const success = all('#success .bar')
  const columns = new Set(success.map(bar => bar.getAttribute('x'))).size
  const legend = all('#legend button')
  return {
    rate: parseFloat(shown('#total')),
    success: figures('success', share),
    minute: share(shown('#success-minute').replace('last minute: ', '')),
    versions: figures('split', share),
    latency: figures('latency', ms),
    faults: shown('#fault-bar-state'),
    nodes: Object.fromEntries(all('#seen .node').slice(1).map(node =>
      [node.querySelector('text').textContent, node.querySelector('.state').textContent])),
    splitBars: lastBars('split'),
    successBars: lastBars('success'),
    successChart: sum(success.filter(bar => bar.classList.contains('good')), 'height') / 64 / columns,
    forum: shown('#forum-state'),
    banner: shown('#webapp-silent'),
    shop: shown('.shelf .unavailable'),
    graph: document.querySelector('#seen').getAttribute('aria-label'),
    legend: Object.fromEntries(legend.map(({ dataset, lastElementChild }) =>
      [dataset.key, Number(lastElementChild.textContent)])),
    cells: Object.fromEntries(legend.map(({ dataset: { key } }) =>
      [key, all(key === 'retried' ? '#grid [data-attempt]' : '#grid .key-' + key).length]))
  }
})()`

const read = (page: Page) => page.evaluate(READ) as Promise<Shown>

/**
 * A function that lets time pass on a page. Each step waits for the answers to its requests, so that the speed of the
 * machine does not matter.
 */
function passOf (page: Page): (seconds: number) => Promise<void> {
  const inFlight = requestsInFlight(page)
  return async seconds => {
    for (let passed = 0; passed < seconds * 1000; passed += STEP_MS) {
      await page.clock.runFor(STEP_MS)
      await expect.poll(() => inFlight.size, { ...WAIT, interval: 5 }).toBe(0)
      await page.evaluate(TURN)
    }
  }
}

/** Lets the page handle the answers that have arrived. Its timers stand still, but messages do not. */
const TURN = `new Promise(done => {
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = done
  port2.postMessage('')
})`

const about = (share: number) => expect.closeTo(share, 1)
const some = expect.any(Number)
const CALM = {
  rate: expect.closeTo(5, 0),
  success: { ok: 1 },
  versions: { v1: about(0.5), v2: about(0.5) },
  latency: { 'v1 p50': some, 'v2 p50': some, p95: some },
  faults: 'No fault is set.',
  nodes: { webapp: '✓', 'catalog v1': '✓', 'catalog v2': '✓', forum: '✓' },
  splitBars: { v1: about(0.5), v2: about(0.5) },
  successBars: { good: about(1) },
  forum: 'forum ✓ ok',
  banner: '',
  shop: ''
}
const NOT_AVAILABLE = expect.stringContaining('The catalog service is currently not available.')

interface Change {
  name: string
  /** `route` is the mesh's first route, to both versions in turn */
  make: (store: Store, route: Store['mesh']['route']) => Promise<unknown> | void
  shown: Partial<Record<keyof Shown, unknown>>
}

const CHANGES: Change[] = [
  { name: 'nothing', make: () => {}, shown: {} },
  {
    name: 'a 500 in all pods',
    make: store => Promise.all([store.set('v1', BROKEN), store.set('v2', BROKEN)]),
    shown: {
      success: { ok: 0, injected: 1 },
      nodes: { ...CALM.nodes, 'catalog v1': '✗', 'catalog v2': '✗' },
      successBars: { fault: about(1) },
      faults: '500, 100 %: v1, v2',
      shop: NOT_AVAILABLE
    }
  },
  { name: 'no faults', make: store => store.heal(), shown: {} },
  {
    name: 'dropped connections in v1',
    make: store => store.set('v1', { type: 'drop', percentage: 100 }),
    shown: {
      success: { ok: about(0.5), 'no answer': about(0.5) },
      versions: { v2: about(0.5), 'no pod': about(0.5) },
      latency: { 'v2 p50': some, p95: some },
      faults: 'drop (fin), 100 %: v1',
      nodes: { ...CALM.nodes, 'catalog v1': '? suspected', catalog: '✗ no pod' },
      splitBars: { v2: about(0.5), dropped: about(0.5) },
      successBars: { good: about(0.5), dropped: about(0.5) }
    }
  },
  { name: 'no faults again', make: store => store.heal(), shown: {} },
  {
    name: 'a killed pod of v1',
    make: ({ mesh }) => { mesh.route = () => 'v2' },
    shown: {
      versions: { v2: 1 },
      latency: { 'v2 p50': some, p95: some },
      nodes: { ...CALM.nodes, 'catalog v1': '?' },
      splitBars: { v2: about(1) }
    }
  },
  {
    name: 'no pod of the catalog at all',
    make: ({ mesh }) => { mesh.route = () => undefined },
    shown: {
      success: { ok: 0, 'no answer': 1 },
      versions: { 'no pod': 1 },
      latency: {},
      faults: '', // no pod can say it
      nodes: { ...CALM.nodes, 'catalog v1': '?', 'catalog v2': '?', catalog: '✗ no pod' },
      splitBars: { dropped: about(1) },
      successBars: { dropped: about(1) },
      shop: NOT_AVAILABLE
    }
  },
  {
    name: 'a forum that fails',
    make: async ({ mesh, set }, route) => {
      mesh.route = route
      await set('forum', BROKEN)
    },
    shown: { nodes: { ...CALM.nodes, forum: '✗' }, forum: 'forum ✗ 100 % fail', faults: '500, 100 %: forum' }
  },
  {
    name: 'a killed webapp',
    make: store => store.killWebapp(),
    shown: {
      success: { ok: 0, 'no answer': 1 },
      versions: {},
      latency: {},
      faults: '500, 100 %: forum', // as far as the page knows
      nodes: { webapp: '✗', 'catalog v1': '?', 'catalog v2': '?', forum: '?' },
      splitBars: {},
      successBars: { dropped: about(1) },
      forum: 'forum ? unknown',
      banner: expect.stringContaining('The webapp does not answer.'),
      shop: expect.stringContaining('The webapp does not answer.')
    }
  },
  {
    name: 'a webapp that is back',
    make: async store => {
      await store.heal()
      await store.restartWebapp()
    },
    shown: {}
  }
]

describeInBrowser('what the page shows after a change', () => {
  test('after each change, everything on the page agrees within ten seconds', async ({ visit }) => {
    const store = await startedStore()
    const { page } = await visit('about:blank')
    const pass = await stopClock(page, store)
    const { route } = store.mesh
    for (const { name, make, shown } of CHANGES) {
      await make(store, route)
      await pass(TRUE_WITHIN_S)
      await expectShown(page, name, shown)
    }
  })

  test('a hidden page stands still, and ten seconds after its return everything agrees', async ({ visit }) => {
    const store = await startedStore()
    const { page } = await visit('about:blank')
    const pass = await stopClock(page, store)
    await pass(TRUE_WITHIN_S)
    const before = await read(page)
    await setVisibility(page, 'hidden')
    await store.set('v1', BROKEN)
    await page.clock.fastForward(300_000)
    await pass(1)
    await setVisibility(page, 'visible')
    expect({ ...await read(page), cells: before.cells }).toEqual(before) // the grid may show the last answers late
    await pass(2)
    expect(await read(page)).toMatchObject({ rate: CALM.rate, versions: CALM.versions }) // not empty
    await pass(TRUE_WITHIN_S - 2)
    await expectShown(page, 'after the return', {
      success: { ok: about(0.5), injected: about(0.5) },
      faults: '500, 100 %: v1',
      nodes: { ...CALM.nodes, 'catalog v1': '✗' },
      successBars: { good: about(0.5), fault: about(0.5) }
    })
  })

  // Hangs and delays need the real clock. So this test waits until the page is right: a busy machine may need longer.
  test('a pod that hangs and a pod with a delay of one second are shown as such', async ({ open }) => {
    const { page, store } = await open()
    await expect.poll(() => page.locator('#seen .node').count(), WAIT).toBe(5)
    await store.set('v1', { type: 'drop', mode: 'hang', percentage: 100 })
    await store.set('v2', { type: 'latency', latencyMs: 1000, percentage: 100 })
    // Few calls are answered, so their shares are coarse.
    const half = expect.closeTo(0.5, 0)
    await expectSoon(page).toMatchObject({
      rate: expect.closeTo(2, -0.5),
      success: { ok: half, 'no answer': half },
      versions: { v2: half, 'no pod': half },
      latency: { 'v2 p50': expect.closeTo(1250, -2.7), p95: some, 'over 5 s': some },
      faults: 'drop (hang), 100 %: v1; latency 1000 ms, 100 %: v2',
      nodes: { ...CALM.nodes, 'catalog v1': '? suspected', catalog: '✗ no pod' },
      contradictions: []
    })
    await store.heal()
    await expectSoon(page).toMatchObject({ ...CALM, rate: some, contradictions: [] })
  })
})

/**
 * Opens the page with a clock that stands still, and returns the function that lets time pass. The page waits for every
 * answer: its patience would depend on the speed of the machine.
 */
async function stopClock (page: Page, { url }: Store) {
  const pass = passOf(page)
  await page.addInitScript('AbortSignal.timeout = () => new AbortController().signal')
  await page.clock.install({ time: 0 })
  await page.goto(url)
  await page.clock.pauseAt(60_000)
  return pass
}

/** Expects that the page shows this, and otherwise what it shows while nothing fails. */
async function expectShown (page: Page, name: string, shown: Change['shown']): Promise<void> {
  const found = await read(page)
  const { minute, successChart, graph, legend, cells } = found // compared with the rest
  expect(found, name).toEqual({ ...CALM, ...shown, minute, successChart, graph, legend, cells })
  expect(contradictions(found), name).toEqual([])
}

/** Expects what the page shows, again and again until it is right and free of contradictions. */
const expectSoon = (page: Page) => expect.poll(async () => {
  const found = await read(page)
  return { ...found, contradictions: contradictions(found) }
}, WAIT)

/** The words of an edge of the graph. */
const CALLS = new RegExp([
  /calls (catalog \w+|a catalog that does not answer|webapp) /,
  /([\d.]+) times a second(?:, and ([\d.]+) % fail)?/
].map(({ source }) => source).join(''), 'g')

/** The contradictions between two parts of the page, in words. */
function contradictions (shown: Shown) {
  const { graph, success, versions, latency, nodes, legend, cells, banner, successBars, splitBars } = shown
  const edges = [...graph.matchAll(CALLS)]
    .map(([, to = '', perSecond, failed = 0]) => ({ to, perSecond: Number(perSecond), failed: Number(failed) / 100 }))
  const targets = edges.filter(({ to }) => to !== 'webapp')
  const calls = targets.reduce((sum, { perSecond }) => sum + perSecond, 0)
  const succeeded = targets.reduce((sum, { perSecond, failed }) => sum + perSecond * (1 - failed), 0)
  const differs = (a = 0, b = 0) => Math.abs(a - b) > 0.1
  const found: string[] = []
  const [entry] = edges.filter(({ to }) => to === 'webapp')
  // The page calls the forum too, every two seconds.
  if (Math.abs(shown.rate + 0.5 - (entry?.perSecond ?? 0)) > 0.7) found.push('rate: figure and graph')
  if (differs(shown.minute, shown.successChart)) found.push('last minute: figure and chart')
  const answering = Object.keys(versions).filter(version => version !== 'no pod')
  const timed = Object.keys(latency).filter(name => name.endsWith('p50')).map(name => name.replace(' p50', ''))
  if (answering.join() !== timed.join()) found.push('versions and latency')
  if (differs(success['ok'], calls === 0 ? 0 : succeeded / calls)) found.push('success: figure and graph')
  if (differs(success['ok'], successBars['good'])) found.push('success: figure and bars')
  for (const version of new Set([...Object.keys(versions), ...targets.map(({ to }) => versionOf(to))])) {
    const share = targets.find(({ to }) => versionOf(to) === version)?.perSecond ?? 0
    if (differs(versions[version], share / calls)) found.push(`${version}: figure and graph`)
    const bar = version === 'no pod' ? 'dropped' : version
    if (differs(versions[version], splitBars[bar])) found.push(`${version}: figure and bars`)
  }
  if ((banner !== '') !== (nodes['webapp'] === '✗' && calls === 0)) found.push('banner and graph')
  for (const [key, count] of Object.entries(legend)) {
    // The legend is drawn once a second, so it may lack the cells of one second: five.
    if (Math.abs(count - (cells[key] ?? 0)) > 5) found.push(`${key}: legend and grid`)
  }
  return found
}

/** The version of an edge of the graph in words. */
function versionOf (to: string): string {
  return to.startsWith('catalog ') ? to.slice('catalog '.length) : 'no pod'
}
