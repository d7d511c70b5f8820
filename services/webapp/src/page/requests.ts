import { html } from 'ghtml'
import { RECENT_MS } from '../../public/static/shared/recent.js'
import { controls } from './controls.ts'
import { faultBar, type ChaosAccess } from './fault-controls.ts'

/** The page's own traffic: its controls, its requests and its charts. They need JavaScript. */
export function requests (chaosAccess: ChaosAccess): string {
  return html`<section class="live" aria-labelledby="requests">
      !${controls()}
      !${faultBar(chaosAccess)}
      <div class="requests panel">
        <div class="panel-head"><h2 id="requests">Requests</h2><p class="total" id="total"></p></div>
        <div class="legend" id="legend" role="group" aria-label="Outcomes. Press one to hide its requests."></div>
        <div class="grid" id="grid" role="group"
          aria-label="One cell per request. Move between cells with the arrow keys."></div>
        <p class="detail" id="detail">
          <span class="muted">Point at a cell, or move to it with the arrow keys, to see its request.</span>
        </p>
      </div>
      <div class="charts">
        !${chart('split', 'Versions', TIMES)}
        !${chart('success', 'Success', html`<span id="success-minute"></span> <span id="forum-state"></span>`)}
        !${chart('latency', 'Latency', '', SCALE)}
      </div>
    </section>`
}

/** Which time the figures and charts of all three panels cover. */
const TIMES = html`<span id="times">figures: last ${RECENT_MS / 1000} s, charts: last minute</span>`

/** The labels of the logarithmic scale. */
const SCALE = html`<p class="scale" aria-hidden="true"><span>10 s</span><span>100 ms</span><span>1 ms</span></p>`

function chart (id: string, title: string, aside = '', scale = ''): string {
  return html`<section class="panel chart" aria-labelledby="${id}-title">
          <h3 id="${id}-title">${title}</h3>
          <p class="aside">!${aside}</p>
          <p class="figures" id="${id}-figures"></p>
          <svg id="${id}" role="img"></svg>
          !${scale}
        </section>`
}
