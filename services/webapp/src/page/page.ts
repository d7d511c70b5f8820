import { globSync } from 'node:fs'
import { html } from 'ghtml'
import type { CatalogItem } from '../clients/catalog.ts'
import type { ForumUser } from '../clients/forum.ts'
import { faultControls, type ChaosAccess } from './fault-controls.ts'
import { bookGraph, liveGraph } from './graphs.ts'
import { requests } from './requests.ts'
import { forum, store, type ItemForm } from './store.ts'

/** With these links, the browser loads all modules at once, instead of finding them one after the other. */
const PRELOADS = globSync('{page,shared}/*.js', { cwd: `${import.meta.dirname}/../../public/static` })
  .sort()
  .map(module => `
  <link rel="modulepreload" href="static/${module}">`)

/** What the page shows. */
export interface PageModel {
  /** undefined if the catalog failed */
  items: CatalogItem[] | undefined
  /** undefined if the forum failed */
  users: ForumUser[] | undefined
  /** what the form sent, and what is wrong with it */
  form?: ItemForm
  /** which callers may set faults through this webapp */
  chaosAccess: ChaosAccess
  /** the namespace of the webapp; undefined outside a cluster */
  namespace?: string | undefined
  /** whether the page is shown as the room view */
  room?: boolean
}

/**
 * The whole page as HTML. Without JavaScript, it shows what the book's page shows. Otherwise, the space for the
 * elements of the class `live` is reserved from the start, so that nothing moves when the scripts fill them.
 *
 * Values in `${}` are escaped, because anyone may add items; `!${}` is our own markup. All addresses are relative, so
 * that the page works below a path prefix. No element has a style attribute, because the content policy forbids it.
 */
export function renderPage ({ items, users, form = {}, chaosAccess, namespace, room = false }: PageModel): string {
  return html`<!doctype html>
<html lang="en"!${room ? ' class="room"' : ''}>
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Outfitters</title>
  <link rel="icon" href="static/favicon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="static/style.css">
  <script type="module" src="static/page/boot.js"></script>!${PRELOADS}
</head>
<body>
  <a class="skip" href="#main">Skip to the content</a>
  <header class="masthead">
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7"/>
      <path d="M6 25 16 7l10 18z"/>
      <path d="m16 14 6 11H10z"/>
    </svg>
    <div>
      <h1>Outfitters</h1>
      <p>The sample store of <cite>Istio in Action</cite></p>
    </div>
    <nav aria-label="Sections">
      <a href="#graph">Graph</a>
      <a class="live" href="#faults">Faults</a>
      <a href="#catalog">Store</a>
      <a href="#forum">Forum</a>
    </nav>
    <button type="button" class="live" id="room-view" aria-keyshortcuts="P">
      <span class="enter">Room view (P)</span><span class="leave">Leave (Esc)</span>
    </button>
  </header>
  <main id="main" tabindex="-1">
    <p class="panel not-loaded" role="alert">
      The live part of this page did not load. The store works without it. <a href="./">Load the page again</a>
    </p>
    !${requests(chaosAccess)}
    <section class="panel graph-panel" aria-labelledby="graph">
      <h2 id="graph">Service graph</h2>
      !${bookGraph(items !== undefined, users !== undefined)}
      !${liveGraph()}
    </section>
    !${faultControls(chaosAccess, namespace)}
    !${store(items, form)}
    !${forum(users)}
  </main>
  <footer><a href="docs/">API documentation</a></footer>
</body>
</html>
`
}
