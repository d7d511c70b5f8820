import { html } from 'ghtml'
import type { CatalogItem } from './clients/catalog.ts'
import type { ForumUser } from './clients/forum.ts'

const MAX_ROWS = 4

/** What the page shows; undefined where the upstream failed. */
export interface PageModel {
  items: CatalogItem[] | undefined
  users: ForumUser[] | undefined
}

/**
 * The whole page. Whatever stands in `${}` is escaped (people post items); `!${}` is markup of our own. All addresses are
 * relative, so that the page works below a path prefix.
 */
export function renderPage ({ items, users }: PageModel): string {
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Outfitters</title>
  <link rel="icon" href="static/favicon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="static/style.css">
</head>
<body>
  <header>
    <h1>Outfitters</h1>
    <p>The sample store of <cite>Istio in Action</cite></p>
  </header>
  <main>
    <section aria-labelledby="graph">
      <h2 id="graph">Service graph</h2>
      !${graph(items !== undefined, users !== undefined)}
    </section>
    <section aria-labelledby="catalog">
      <h2 id="catalog">Catalog</h2>
      !${items === undefined ? unavailable('catalog') : itemTable(items)}
    </section>
    <section aria-labelledby="forum">
      <h2 id="forum">Forum</h2>
      !${users === undefined ? unavailable('forum') : userTable(users)}
    </section>
  </main>
  <footer><a href="docs">API documentation</a></footer>
</body>
</html>
`
}

function unavailable (service: string): string {
  return html`<p class="unavailable">The ${service} service is currently not available.</p>`
}

function itemTable (items: CatalogItem[]): string {
  const shown = items.slice(0, MAX_ROWS)
  const withImages = shown.some(({ imageUrl }) => imageUrl !== undefined)
  return html`<table>
        <thead><tr>!${withImages ? '<th scope="col"><span class="hidden">Picture</span></th>' : ''}<th scope="col">Product</th><th scope="col">Color</th><th scope="col" class="number">Price</th></tr></thead>
        <tbody>
          !${shown.map(({ name, color, price, imageUrl }) => html`<tr>!${withImages ? pictureCell(imageUrl) : ''}<th scope="row">${name}</th><td>${color}</td><td class="number">${price}</td></tr>
          `)}</tbody>
      </table>`
}

function pictureCell (imageUrl: string | undefined): string {
  if (imageUrl === undefined) return '<td></td>'
  return html`<td><img src="${imageUrl.replace(/^\/(?!\/)/, '')}" alt="" width="64" height="48"></td>`
}

function userTable (users: ForumUser[]): string {
  return html`<table>
        <thead><tr><th scope="col">Name</th><th scope="col">Email</th><th scope="col">Company</th></tr></thead>
        <tbody>
          !${users.slice(0, MAX_ROWS).map(({ name = '', email = '', company }) => html`<tr><th scope="row">${name}</th><td>${email}</td><td>${company?.name ?? ''}</td></tr>
          `)}</tbody>
      </table>`
}

/** Who calls whom, green where the answer came and red where it did not; a sign says the same to who sees no colours. */
function graph (catalogIsUp: boolean, forumIsUp: boolean): string {
  const said = (name: string, isUp: boolean) => `${name} ${isUp ? 'answers' : 'fails'}`
  return html`<svg class="graph" viewBox="0 0 480 220" role="img" aria-label="The web app calls two services: ${said('catalog', catalogIsUp)}, ${said('forum', forumIsUp)}.">
        <defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 10 5 0 10z"/></marker></defs>
        <path class="edge" d="M10 110H88" marker-end="url(#arrow)"/>
        <path class="edge" d="M190 100 368 58" marker-end="url(#arrow)"/>
        <path class="edge" d="M190 120 368 162" marker-end="url(#arrow)"/>
        !${node('Web App', 90, 110, true)}
        !${node('Catalog', 370, 55, catalogIsUp)}
        !${node('Forum', 370, 165, forumIsUp)}
      </svg>`
}

function node (name: string, x: number, y: number, isUp: boolean): string {
  return html`<g class="node ${isUp ? 'up' : 'down'}"><rect x="${x}" y="${y - 34}" width="100" height="68" rx="8"/><text x="${x + 50}" y="${y - 4}">${name}</text><text x="${x + 50}" y="${y + 18}">${isUp ? '✓' : '✗'}</text></g>`
}
