// npm run screenshots: pictures of the page for docs/screenshots, taken of a real store in a real Chromium.
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { findChromium, launch } from './browser.ts'
import { startStore, type Store } from './store.ts'

const FOLDER = fileURLToPath(new URL('../../../docs/screenshots/', import.meta.url))
const MAX_BYTES = 200_000

interface Scene {
  name: string
  context: BrowserContextOptions
  search?: string
  /** which cell is told of */
  cell: string
  /** what is done to the mesh, and waited for */
  play: (store: Store, page: Page) => Promise<void>
}

const WIDE = { viewport: { width: 1360, height: 850 } }
const seconds = (page: Page, n: number) => page.waitForTimeout(n * 1000) // a minute's charts need their time

/** Both versions, some of whose answers are slow, as on any day. */
async function calm (store: Store, page: Page): Promise<void> {
  await store.set('v2', { type: 'latency', distribution: 'lognormal', medianMs: 12, p99Ms: 90, percentage: 4 })
  await seconds(page, 24)
}

/** Version 1 fails, then the mesh tries again, then version 2 breaks connections as well. */
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

const SCENES: Scene[] = [
  { name: 'light', context: { ...WIDE, colorScheme: 'light' }, search: '?rate=12', cell: 'v2', play: calm },
  { name: 'dark', context: { ...WIDE, colorScheme: 'dark' }, search: '?rate=12&header=x-istio-cohort:internal', cell: 'v1', play: calm },
  { name: 'narrow', context: { viewport: { width: 390, height: 844 }, colorScheme: 'light' }, search: '?rate=8', cell: 'v2', play: async (store, page) => { await calm(store, page) } },
  { name: 'chaos', context: { ...WIDE, colorScheme: 'light' }, search: '?rate=15', cell: 'ok[data-attempt]', play: chaos }
]

const executable = findChromium()
if (executable === undefined) throw new Error('There is no Chromium: install one (apt install chromium), or name it by CHROMIUM=/path/to/it')
const browser = await launch(executable)
mkdirSync(FOLDER, { recursive: true })
for (const { name, context, search = '', cell, play } of SCENES) {
  const store = await startStore({ names: { v1: 'catalog-6d5f4f9c8d-x2kqv', v2: 'catalog-v2-7b9c6d8f5-m4t9s', forum: 'forum-5c8d7f6b9-qz7wl', webapp: 'webapp-86b5c9d7f4-hn2ld' } })
  const page = await browser.newPage({ ...context, reducedMotion: 'reduce' })
  await page.goto(`${store.url}${search}`)
  await play(store, page)
  await page.locator(`#grid .cell.${cell}`).last().hover()
  const size = await shoot(page, `${FOLDER}${name}.webp`)
  console.log(`${name}.webp: ${size} bytes`)
  if (size > MAX_BYTES) process.exitCode = 1
  await page.close()
  await store.close()
}
await browser.close()

/** The whole page as WebP, which is half of a PNG's size, and which Playwright's own screenshots cannot be; the number of its bytes. */
async function shoot (page: Page, path: string): Promise<number> {
  const session = await page.context().newCDPSession(page)
  const { cssContentSize } = await session.send('Page.getLayoutMetrics')
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 90, captureBeyondViewport: true, clip: { ...cssContentSize, scale: 1 } })
  const picture = Buffer.from(data, 'base64')
  writeFileSync(path, picture)
  return picture.length
}
