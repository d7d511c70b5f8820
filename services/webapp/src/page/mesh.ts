import { html } from 'ghtml'

/** Who may set faults through the webapp: CHAOS_ACCESS. */
export type ChaosAccess = 'local' | 'any' | 'off'

/** What sends requests and shows what becomes of them; it needs the script, and is hidden until that runs. */
export function mesh (): string {
  return html`<section class="live" aria-labelledby="requests" hidden>
      <form class="controls panel" id="controls" novalidate>
        <button type="button" class="primary" id="pause">Pause</button>
        <div class="field rate"><label for="rate">Rate <output id="rate-shown" for="rate"></output></label><input type="range" id="rate" min="1" max="20" step="1"></div>
        <fieldset class="header-fields">
          <legend>Header that is sent</legend>
          <div class="field"><label for="header-name">Name</label><input id="header-name" list="header-names" spellcheck="false" autocomplete="off" autocapitalize="none" placeholder="x-dark-launch" aria-describedby="header-name-error"><p class="error" id="header-name-error"></p></div>
          <div class="field"><label for="header-value">Value</label><input id="header-value" spellcheck="false" autocomplete="off" autocapitalize="none" placeholder="v2" aria-describedby="header-value-error"><p class="error" id="header-value-error"></p></div>
          <div class="buttons"><button id="header-set">Send it</button> <button type="button" id="header-clear">None</button></div>
          <datalist id="header-names"><option value="x-dark-launch"></option><option value="x-istio-cohort"></option></datalist>
        </fieldset>
        <p class="sending" role="status" id="sending"></p>
      </form>
      <div class="requests panel">
        <div class="panel-head"><h2 id="requests">Requests</h2><p class="total" id="total"></p></div>
        <div class="legend" id="legend" role="group" aria-label="Outcomes; press one to hide it"></div>
        <div class="grid" id="grid" role="group" aria-label="One cell for each request; arrow keys move between them"></div>
        <p class="detail" id="detail"><span class="muted">Point at a cell, or move to it with the arrow keys, to read how it went.</span></p>
      </div>
      <div class="charts">
        <section class="panel chart" aria-labelledby="split-title"><h3 id="split-title">Versions</h3><p class="figures" id="split-figures"></p><svg id="split" role="img"></svg></section>
        <section class="panel chart" aria-labelledby="success-title"><h3 id="success-title">Success</h3><p class="figures" id="success-figures"></p><svg id="success" role="img"></svg></section>
        <section class="panel chart" aria-labelledby="latency-title"><h3 id="latency-title">Latency</h3><p class="figures" id="latency-figures"></p><svg id="latency" role="img"></svg></section>
        <p class="muted charts-foot">The last minute</p>
      </div>
    </section>`
}

/** The graph that is drawn from what was seen, in place of the book's. */
export function liveGraph (): string {
  return html`<div class="live" hidden><svg class="graph seen" id="seen" role="img" aria-label="Nothing was seen yet."></svg><p class="muted graph-note">Seen in the last ten seconds: as thick as the traffic, red and broken where it fails.</p></div>`
}

/** The form that sets faults, and the lines that set them from a terminal. */
export function faultControls (access: ChaosAccess): string {
  return html`<section class="panel faults live" id="fault-panel" data-access="${access}" aria-labelledby="faults" hidden>
      <h2 id="faults">Faults</h2>
      <form class="fault-form" id="fault-form" novalidate>
        <div class="fields">
          <div class="field"><label for="fault-pod">Pod</label><select id="fault-pod" aria-describedby="fault-pod-error"></select><p class="error" id="fault-pod-error"></p></div>
          <div class="field"><label for="fault-type">Fault</label><select id="fault-type"><option value="500">500</option><option value="abort">other status</option><option value="latency">latency</option><option value="drop">dropped connection</option></select></div>
          <div class="field"><label for="fault-percentage">Percent</label><input id="fault-percentage" inputmode="decimal" value="50" aria-describedby="fault-percentage-error"><p class="error" id="fault-percentage-error"></p></div>
          <div class="field" data-for="abort"><label for="fault-status">Status</label><input id="fault-status" inputmode="numeric" value="503" aria-describedby="fault-status-error"><p class="error" id="fault-status-error"></p></div>
          <div class="field" data-for="latency"><label for="fault-latencyMs">Milliseconds</label><input id="fault-latencyMs" inputmode="numeric" value="1000" aria-describedby="fault-latencyMs-error"><p class="error" id="fault-latencyMs-error"></p></div>
          <div class="field" data-for="drop"><label for="fault-mode">How</label><select id="fault-mode"><option value="fin">closed (FIN)</option><option value="rst">reset (RST)</option><option value="hang">held (hang)</option></select></div>
        </div>
        <div class="form-foot"><div class="buttons" data-needs="any"><button class="primary" id="fault-set">Set</button> <button type="button" id="fault-clear">Delete all</button></div> <p class="form-note" role="status" id="fault-note"></p></div>
      </form>
      <ul class="rules" id="rules" aria-label="Rules of the pods that were seen"></ul>
      <div class="terminal" id="terminal">
        <p id="terminal-reason"></p>
        <div class="line"><code id="kubectl-line" tabindex="0" role="textbox" aria-readonly="true" aria-label="With kubectl"></code><button type="button" data-copies="kubectl-line">Copy</button></div>
        <div class="line"><code id="script-line" tabindex="0" role="textbox" aria-readonly="true" aria-label="With the script"></code><button type="button" data-copies="script-line">Copy</button></div>
        <p>To see what is set, and to delete it:</p>
        <div class="line"><code id="show-line" tabindex="0" role="textbox" aria-readonly="true" aria-label="Show the rules"></code><button type="button" data-copies="show-line">Copy</button></div>
        <div class="line"><code id="delete-line" tabindex="0" role="textbox" aria-readonly="true" aria-label="Delete the rules"></code><button type="button" data-copies="delete-line">Copy</button></div>
      </div>
    </section>`
}
