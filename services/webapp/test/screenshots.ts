// npm run screenshots: takes pictures of the page for docs/screenshots, with a real store in a real Chromium.
// `npm run screenshots -- room` takes only that one.
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { findChromium, launch } from './browser.ts'
import { startStore, type Store } from './store.ts'

const FOLDER = fileURLToPath(new URL('../../../docs/screenshots/', import.meta.url))
const MAX_BYTES = 200_000

interface Screenshot {
  name: string
  context: BrowserContextOptions
  search?: string
  /** the kind of cell whose request is shown */
  cell: string
  /** sets faults, and waits until the page shows them */
  prepare: (store: Store, page: Page) => Promise<void>
}

const WIDE = { viewport: { width: 1360, height: 850 } }
/** Waits, so that the charts fill. */
const seconds = (page: Page, n: number) => page.waitForTimeout(n * 1000)

/** Both versions answer; a few answers of v2 are slow. */
async function calm (store: Store, page: Page): Promise<void> {
  await store.set('v2', { type: 'latency', distribution: 'lognormal', medianMs: 12, p99Ms: 90, percentage: 4 })
  await seconds(page, 24)
}

/** Half of the answers of v1 fail, then the mesh retries, then v2 drops connections too. */
async function chaos (store: Store, page: Page): Promise<void> {
  await seconds(page, 5)
  await store.set('v1', { type: '500', percentage: 50 })
  await store.set('v2', { type: 'latency', distribution: 'lognormal', medianMs: 60, p99Ms: 400, percentage: 30 })
  await seconds(page, 8)
  store.mesh.retries = 2
  await seconds(page, 7)
  store.mesh.retries = 0
  await store.set('v2', { type: 'drop', percentage: 20 })
  await seconds(page, 5)
}

const NARROW = { viewport: { width: 390, height: 844 } }
const WITH_HEADER = '?rate=12&header=x-istio-cohort:internal'

const SCREENSHOTS: Screenshot[] = [
  { name: 'light', context: { ...WIDE, colorScheme: 'light' }, search: '?rate=12', cell: 'v2', prepare: calm },
  { name: 'dark', context: { ...WIDE, colorScheme: 'dark' }, search: WITH_HEADER, cell: 'v1', prepare: calm },
  { name: 'narrow', context: { ...NARROW, colorScheme: 'light' }, search: '?rate=8', cell: 'v2', prepare: calm },
  {
    name: 'chaos',
    context: { ...WIDE, colorScheme: 'light' },
    search: '?rate=15',
    cell: 'ok[data-attempt]',
    prepare: chaos
  },
  {
    name: 'room',
    context: { viewport: { width: 1920, height: 1080 }, colorScheme: 'dark' },
    search: '?rate=15&view=room',
    cell: 'v2', // the cells of the retries are gone by now
    prepare: chaos
  }
]

const POD_NAMES = {
  v1: 'catalog-6d5f4f9c8d-x2kqv',
  v2: 'catalog-v2-7b9c6d8f5-m4t9s',
  forum: 'forum-5c8d7f6b9-qz7wl',
  webapp: 'webapp-86b5c9d7f4-hn2ld'
}

const executable = findChromium()
if (executable === undefined) {
  throw new Error('there is no Chromium: install it (apt install chromium), or set CHROMIUM=/path/to/chromium')
}
const browser = await launch(executable)
mkdirSync(FOLDER, { recursive: true })
const wanted = process.argv.slice(2)
for (const { name, context, search = '', cell, prepare } of SCREENSHOTS) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const store = await startStore({ names: POD_NAMES })
  const page = await browser.newPage({ ...context, reducedMotion: 'reduce' })
  await page.goto(`${store.url}${search}`)
  await prepare(store, page)
  await page.locator(`#grid .cell.${cell}`).last().hover()
  const size = await saveScreenshot(page, `${FOLDER}${name}.webp`)
  console.log(`${name}.webp: ${size} bytes`)
  if (size > MAX_BYTES) process.exitCode = 1
  await page.close()
  await store.close()
}
await browser.close()

/**
 * Saves the whole page as WebP, and returns the size in bytes. Playwright's own screenshots can only be PNG or JPEG; a
 * PNG is twice as large.
 */
async function saveScreenshot (page: Page, path: string): Promise<number> {
  const session = await page.context().newCDPSession(page)
  const { cssContentSize } = await session.send('Page.getLayoutMetrics')
  const { data } = await session.send('Page.captureScreenshot', {
    format: 'webp',
    quality: 85,
    captureBeyondViewport: true,
    clip: { ...cssContentSize, scale: 1 }
  })
  const picture = Buffer.from(data, 'base64')
  writeFileSync(path, picture)
  return picture.length
}
