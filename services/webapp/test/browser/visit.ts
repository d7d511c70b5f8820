// Opens the page in a real Chromium, with a real store, and finds what the page shows.
import type { Browser, BrowserContextOptions, Page, Request } from 'playwright-core'
import { describe, expect, onTestFinished, test as base } from 'vitest'
import { chromiumForTests, launch } from '../browser.ts'
import { startStore, type Store, type StoreOptions } from '../store.ts'

const chromium = chromiumForTests()

/** How long to wait for the page, in milliseconds: a browser is slow on a busy machine. */
export const WAIT = { timeout: 90_000 }

/** Groups tests that need Chromium; without it, they are skipped. */
export function describeInBrowser (name: string, define: () => void): void {
  describe.skipIf(chromium === undefined)(name, { timeout: 400_000 }, define)
}

export interface Visit {
  page: Page
  /** the errors and warnings of the console */
  errors: string[]
  /** the addresses of all requests */
  requests: string[]
}

interface Fixtures {
  browser: Browser
  /** Opens a page. */
  visit: (url: string, context?: BrowserContextOptions) => Promise<Visit>
  /** Starts a store, and opens its page until its scripts run; `search` is the query of the page's address. */
  open: (
    options?: StoreOptions & { search?: string },
    context?: BrowserContextOptions
  ) => Promise<Visit & { store: Store }>
}

/** A test with a browser, which all tests of a file share. What a test opens is closed when the test ends. */
export const test = base.extend<Fixtures>({
  // eslint-disable-next-line no-empty-pattern -- Vitest reads the names of the fixtures from this pattern
  browser: [async ({}, use) => {
    const browser = await launch(String(chromium))
    await use(browser)
    await browser.close()
  }, { scope: 'file' }],

  visit: async ({ browser }, use) => {
    await use(async (url, context = {}) => {
      const visitor = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...context })
      visitor.setDefaultTimeout(WAIT.timeout)
      const page = await visitor.newPage()
      onTestFinished(async () => {
        await page.unrouteAll({ behavior: 'ignoreErrors' }) // a handler may still be at work for a request of the page
        await visitor.close()
      })
      const errors: string[] = []
      const requests: string[] = []
      page.on('console', message => {
        if (['error', 'warning'].includes(message.type())) errors.push(message.text())
      })
      page.on('pageerror', error => errors.push(String(error)))
      page.on('request', request => requests.push(request.url()))
      await page.goto(url)
      return { page, errors, requests }
    })
  },

  open: async ({ visit }, use) => {
    await use(async ({ search = '', ...options } = {}, context = {}) => {
      const store = await startedStore(options)
      const opened = await visit(`${store.url}${search}`, context)
      // Before its scripts run, the page ignores clicks and keys.
      if (context.javaScriptEnabled !== false) await opened.page.locator('html.alive').waitFor()
      return { ...opened, store }
    })
  }
})

/** Starts a store that ends with the test. */
export async function startedStore (options: StoreOptions = {}): Promise<Store> {
  const store = await startStore(options)
  onTestFinished(store.close)
  return store
}

/** Makes the page believe that its tab was hidden, or shown again. */
export async function setVisibility (page: Page, state: 'hidden' | 'visible'): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => '${state}' })
    document.dispatchEvent(new Event('visibilitychange'))
  `)
}

/** The number of cells in the grid that match this class, such as `ok.v1`. */
export function cells (page: Page, kind: string): Promise<number> {
  return page.locator(`#grid .cell.${kind}`).count()
}

/** Waits until the grid has at least `n` cells of this class. */
export function atLeast (page: Page, kind: string, n: number): Promise<void> {
  return expect.poll(() => cells(page, kind), WAIT).toBeGreaterThanOrEqual(n)
}

/**
 * Expects what the page shows below the grid about the last cell of this class, again and again until it is right: on a
 * busy machine, a newer request may take the cell before the page is read.
 */
export const expectDetail = (page: Page, kind: string) => expect.poll(async () => {
  await page.locator(`#grid .cell.${kind}`).last().hover()
  return page.locator('#detail').innerText()
}, WAIT)

/** The requests of the page that have not ended yet. */
export function requestsInFlight (page: Page): Set<Request> {
  const inFlight = new Set<Request>()
  page.on('request', request => inFlight.add(request))
  page.on('requestfinished', request => inFlight.delete(request))
  page.on('requestfailed', request => inFlight.delete(request))
  return inFlight
}

/** Expects an element's text, again and again until it is right. */
export const expectText = (page: Page, selector: string) =>
  expect.poll(() => page.locator(selector).innerText(), WAIT)

/** Expects the address of the page, again and again until it is right: the browser reports changes with a delay. */
export const expectAddress = (page: Page) => expect.poll(() => page.url(), WAIT)

/** Expects the words for the graph, again and again until they are right. */
export const expectGraph = (page: Page) => expect.poll(() => page.locator('#seen').getAttribute('aria-label'), WAIT)
