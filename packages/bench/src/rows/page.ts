import { setTimeout as sleep } from 'node:timers/promises'
import type { CDPSession } from 'playwright-core'
import { findChromium, launch } from '../../../../services/webapp/test/browser.ts'
import { CATALOG, FORUM, Missing, webapp } from '../contenders.ts'
import { HOST, start } from '../measure.ts'
import { SIZE } from '../options.ts'
import type { Measured } from '../table.ts'

const SETTLE_MS = 10_000
const MINUTE_MS = 60_000
const RATE = 20
const VIEWPORT = { width: 1360, height: 850 }

/** What the webapp's page costs in a tab of a browser: CPU time, and memory after some minutes. */
export async function pageRows (): Promise<Measured[]> {
  const executable = findChromium()
  if (executable === undefined) throw new Missing('there is no Chromium: install it, or set CHROMIUM to its path')

  await using catalog = await start(CATALOG)
  await using forum = await start(FORUM)
  const { env, ...app } = webapp(catalog)
  await using server = await start({
    ...app, env: { ...env, FORUM_SERVICE_HOST: HOST, FORUM_SERVICE_PORT: String(forum.port) }
  })
  await using browser = await launch(executable)
  const page = await browser.newPage({ viewport: VIEWPORT })
  const tab = await page.context().newCDPSession(page)
  await tab.send('Performance.enable')
  let requests = 0
  page.on('request', () => requests++)
  const started = performance.now()
  await page.goto(`http://${HOST}:${server.port}/?rate=${RATE}`)
  await sleep(SETTLE_MS)

  const processes = await browser.newBrowserCDPSession()
  requests = 0
  const before = { ...await cpuOf(processes), ...await metricsOf(tab) }
  await sleep(SIZE.pageMs)
  const sent = requests / (SIZE.pageMs / 1000)
  const after = { ...await cpuOf(processes), ...await metricsOf(tab) }
  /** Seconds of work as a share of the time that the tab itself counted, in percent. */
  const share = (name: string) =>
    ((after[name] ?? NaN) - (before[name] ?? NaN)) / ((after['Timestamp'] ?? NaN) - (before['Timestamp'] ?? NaN)) * 100
  const parts = ['ScriptDuration', 'RecalcStyleDuration', 'LayoutDuration', 'TaskDuration']
    .map(name => `${name.replace('Duration', '').toLowerCase()} ${share(name).toFixed(1)} %`)

  const heapAfter = async (minutes: number) => {
    await sleep(Math.max(0, started + minutes * MINUTE_MS - performance.now()))
    await tab.send('HeapProfiler.collectGarbage')
    return (await metricsOf(tab))['JSHeapUsedSize'] ?? NaN
  }
  const early = await heapAfter(1)
  const late = await heapAfter(SIZE.pageMinutes)
  return [
    {
      what: `page: CPU of a tab at ${RATE} requests a second`,
      unit: '%',
      value: share('renderer'),
      target: 20,
      note: `of a core; ${sent.toFixed(1)} requests a second; ${parts.join(', ')}; ` +
        `the browser's other processes ${share('others').toFixed(0)} %`
    },
    {
      what: `page: JS heap after ${SIZE.pageMinutes} minutes ÷ after 1`,
      unit: '×',
      value: late / early,
      target: 1.25,
      note: `${(late / 1e6).toFixed(2)} MB, ${(early / 1e6).toFixed(2)} MB`
    }
  ]
}

/** The CPU time of the browser's processes so far, in seconds: of the tab, and of all others. */
async function cpuOf (browser: CDPSession): Promise<Record<string, number>> {
  const { processInfo } = await browser.send('SystemInfo.getProcessInfo')
  const sum = (isWanted: (type: string) => boolean) =>
    processInfo.filter(({ type }) => isWanted(type)).reduce((sum, { cpuTime }) => sum + cpuTime, 0)
  return { renderer: sum(type => type === 'renderer'), others: sum(type => type !== 'renderer') }
}

/** The tab's own counters: seconds and bytes, by name. */
async function metricsOf (tab: CDPSession): Promise<Record<string, number>> {
  const { metrics } = await tab.send('Performance.getMetrics')
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]))
}
