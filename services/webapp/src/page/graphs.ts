import { html } from 'ghtml'
import { RECENT_MS } from '../../public/static/shared/recent.js'

const ARROW = html`<marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8"
            orient="auto"><path d="M0 0 10 5 0 10z"/></marker>`

/**
 * The book's graph of which service calls which. A service that answered is green with a ✓, one that failed is red
 * with a ✗, so that the graph does not depend on color.
 */
export function bookGraph (catalogIsUp: boolean, forumIsUp: boolean): string {
  const status = (isUp: boolean) => isUp ? 'answers' : 'fails'
  const label = `The web app calls two services: catalog ${status(catalogIsUp)}, forum ${status(forumIsUp)}.`
  return html`<svg class="graph book" viewBox="0 0 480 220" role="img" aria-label="${label}">
        <defs>!${ARROW}</defs>
        <path class="edge" d="M10 110H88" marker-end="url(#arrow)"/>
        <path class="edge" d="M190 100 368 58" marker-end="url(#arrow)"/>
        <path class="edge" d="M190 120 368 162" marker-end="url(#arrow)"/>
        !${node('Web App', 90, 110, true)}
        !${node('Catalog', 370, 55, catalogIsUp)}
        !${node('Forum', 370, 165, forumIsUp)}
      </svg>`
}

function node (name: string, x: number, y: number, isUp: boolean): string {
  return html`<g class="node ${isUp ? 'up' : 'down'}">
          <rect x="${x}" y="${y - 34}" width="100" height="68" rx="8"/>
          <text x="${x + 50}" y="${y - 4}">${name}</text>
          <text x="${x + 50}" y="${y + 18}">${isUp ? '✓' : '✗'}</text>
        </g>`
}

/** The graph that the script draws from the page's own traffic. It replaces the book's graph. */
export function liveGraph (): string {
  return html`<div class="live">
        <p class="unavailable" id="webapp-silent" role="status" hidden>
          The webapp does not answer. The state of the services behind it is unknown.
        </p>
        <svg class="graph seen" id="seen" role="img" aria-label="No requests seen yet."></svg>
        <p class="muted graph-note">
          Traffic of the last ${RECENT_MS / 1000} seconds. A thicker line carries more requests. A dashed red line shows
          failures. The state of a gray service is unknown.
        </p>
      </div>`
}
