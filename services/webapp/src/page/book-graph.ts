import { html } from 'ghtml'

/** The graph of the book: who calls whom, green where the answer came and red where it did not; a sign says the same to who sees no colours. */
export function bookGraph (catalogIsUp: boolean, forumIsUp: boolean): string {
  const said = (name: string, isUp: boolean) => `${name} ${isUp ? 'answers' : 'fails'}`
  return html`<svg class="graph book" viewBox="0 0 480 220" role="img" aria-label="The web app calls two services: ${said('catalog', catalogIsUp)}, ${said('forum', forumIsUp)}.">
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
