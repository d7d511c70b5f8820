import { html } from 'ghtml'
import type { CatalogItem } from '../clients/catalog.ts'
import type { ForumUser } from '../clients/forum.ts'
import { bookGraph } from './book-graph.ts'
import { faultControls, liveGraph, mesh, type ChaosAccess } from './mesh.ts'
import { forum, store, type ItemForm } from './store.ts'

/** What the page shows; undefined where the upstream failed. */
export interface PageModel {
  items: CatalogItem[] | undefined
  users: ForumUser[] | undefined
  /** what was sent by the form, and what is wrong with it */
  form?: ItemForm
  /** who may set faults through this webapp */
  chaosAccess: ChaosAccess
}

/**
 * The whole page. It says all that the book's page says without a script; the script brings to life what is hidden until then. Whatever stands
 * in `${}` is escaped (people post items); `!${}` is markup of our own. All addresses are relative, so that the page works below a
 * path prefix, and no element has a style of its own, which the policy would forbid.
 */
export function renderPage ({ items, users, form = {}, chaosAccess }: PageModel): string {
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Outfitters</title>
  <link rel="icon" href="static/favicon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="static/style.css">
  <script type="module" src="static/page/boot.js"></script>
</head>
<body>
  <a class="skip" href="#main">Skip to the content</a>
  <header class="masthead">
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7"/><path d="M6 25 16 7l10 18z"/><path d="m16 14 6 11H10z"/></svg>
    <div>
      <h1>Outfitters</h1>
      <p>The sample store of <cite>Istio in Action</cite></p>
    </div>
    <nav aria-label="Sections"><a href="#graph">Graph</a> <a class="live" href="#faults" hidden>Faults</a> <a href="#catalog">Store</a> <a href="#forum">Forum</a></nav>
  </header>
  <main id="main" tabindex="-1">
    !${mesh()}
    <section class="panel graph-panel" aria-labelledby="graph">
      <h2 id="graph">Service graph</h2>
      !${bookGraph(items !== undefined, users !== undefined)}
      !${liveGraph()}
    </section>
    !${faultControls(chaosAccess)}
    !${store(items, form)}
    !${forum(users)}
  </main>
  <footer><a href="docs/">API documentation</a></footer>
</body>
</html>
`
}
