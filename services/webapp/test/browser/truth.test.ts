// After each change of the store, everything that the page shows agrees within ten seconds.
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import type { Store } from '../store.ts'
import { describeInBrowser, requestsInFlight, startedStore, test, WAIT } from './visit.ts'

/** The page promises this to its users. Here, these are seconds of the page's own clock. */
const TRUE_WITHIN_S = 10
const STEP_MS = 100
const BROKEN = { type: '500', percentage: 100 }

/** What the page shows. Shares are numbers from 0 to 1. */
interface Shown {
  success: Record<string, number>
  versions: Record<string, number>
  /** the text of each node's state, by the node's name */
  nodes: Record<string, string>
  /** the share of each color in the last bars */
  splitBars: Record<string, number>
  successBars: Record<string, number>
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
  const figures = id => Object.fromEntries(all('#' + id + '-figures .figure').map(figure =>
    [figure.querySelector('span').textContent, share(figure.querySelector('b').textContent)]))
  const COLUMN = 8 // each column of a chart is two seconds
  const lastBars = id => {
    const bars = all('#' + id + ' .bar').filter(bar => Number(bar.getAttribute('x')) > 27 * COLUMN)
    const total = bars.reduce((sum, bar) => sum + Number(bar.getAttribute('height')), 0)
    const shares = {}
    for (const bar of bars) {
      const name = bar.classList[1]
      shares[name] = (shares[name] ?? 0) + Number(bar.getAttribute('height')) / total
    }
    return shares
  }
  const legend = all('#legend button')
  return {
    success: figures('success'),
    versions: figures('split'),
    nodes: Object.fromEntries(all('#seen .node').slice(1).map(node =>
      [node.querySelector('text').textContent, node.querySelector('.state').textContent])),
    splitBars: lastBars('split'),
    successBars: lastBars('success'),
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
const CALM = {
  success: { ok: 1 },
  versions: { v1: about(0.5), v2: about(0.5) },
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
    shown: { nodes: { ...CALM.nodes, forum: '✗' }, forum: 'forum ✗ 100 % fail' }
  },
  {
    name: 'a killed webapp',
    make: store => store.killWebapp(),
    shown: {
      success: { ok: 0, 'no answer': 1 },
      versions: {},
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
    const pass = passOf(page)
    await page.clock.install({ time: 0 })
    await page.goto(store.url)
    await page.clock.pauseAt(60_000)
    const { route } = store.mesh
    for (const { name, make, shown } of CHANGES) {
      await make(store, route)
      await pass(TRUE_WITHIN_S)
      const found = await read(page)
      const { graph, legend, cells: colored } = found // compared with the rest below
      expect(found, name).toEqual({ ...CALM, ...shown, graph, legend, cells: colored })
      expect(contradictions(found), name).toEqual([])
    }
  })
})

/** The words of an edge of the graph. */
const CALLS = new RegExp([
  /calls (catalog \w+|a catalog that does not answer|webapp) /,
  /([\d.]+) times a second(?:, and ([\d.]+) % fail)?/
].map(({ source }) => source).join(''), 'g')

/** The contradictions between two parts of the page, in words. */
function contradictions ({ graph, success, versions, nodes, legend, cells, banner, successBars, splitBars }: Shown) {
  const edges = [...graph.matchAll(CALLS)]
    .map(([, to = '', perSecond, failed = 0]) => ({ to, perSecond: Number(perSecond), failed: Number(failed) / 100 }))
  const targets = edges.filter(({ to }) => to !== 'webapp')
  const calls = targets.reduce((sum, { perSecond }) => sum + perSecond, 0)
  const succeeded = targets.reduce((sum, { perSecond, failed }) => sum + perSecond * (1 - failed), 0)
  const differs = (a = 0, b = 0) => Math.abs(a - b) > 0.1
  const found: string[] = []
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
