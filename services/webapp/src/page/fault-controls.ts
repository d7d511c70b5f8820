import { html } from 'ghtml'
import { textField } from './field.ts'

/** Which callers may set faults through the webapp: the value of CHAOS_ACCESS. */
export type ChaosAccess = 'local' | 'any' | 'off'

/** The form that sets faults, the list of rules, and commands that do the same from a terminal. */
export function faultControls (access: ChaosAccess): string {
  return html`<section class="panel faults live" id="fault-panel" data-access="${access}"
        aria-labelledby="faults" hidden>
      <h2 id="faults">Faults</h2>
      !${form()}
      <ul class="rules" id="rules" aria-label="Rules in the pods that the page has seen"></ul>
      <div class="terminal" id="terminal">
        <p id="terminal-reason"></p>
        !${command('kubectl-line', 'Set the fault with kubectl')}
        !${command('script-line', 'Set the fault with scripts/chaos.sh')}
        <p>To show the rules, and to delete them:</p>
        !${command('show-line', 'Show the rules')}
        !${command('delete-line', 'Delete the rules')}
      </div>
    </section>`
}

function form (): string {
  return html`<form class="fault-form" id="fault-form" novalidate>
        <div class="fields">
          <div class="field">
            <label for="fault-pod">Pod</label>
            <select id="fault-pod" aria-describedby="fault-pod-error"></select>
            <p class="error" id="fault-pod-error"></p>
          </div>
          <div class="field">
            <label for="fault-type">Fault</label>
            <select id="fault-type">
              <option value="500">500</option>
              <option value="abort">other status</option>
              <option value="latency">latency</option>
              <option value="drop">dropped connection</option>
            </select>
          </div>
          !${textField({ id: 'fault-percentage', label: 'Percent', attributes: { inputmode: 'decimal', value: '50' } })}
          !${textField({
            id: 'fault-status',
            label: 'Status',
            forType: 'abort',
            attributes: { inputmode: 'numeric', value: '503' }
          })}
          !${textField({
            id: 'fault-latencyMs',
            label: 'Milliseconds',
            forType: 'latency',
            attributes: { inputmode: 'numeric', value: '1000' }
          })}
          <div class="field" data-for="drop">
            <label for="fault-mode">How</label>
            <select id="fault-mode">
              <option value="fin">closed (FIN)</option>
              <option value="rst">reset (RST)</option>
              <option value="hang">held (hang)</option>
            </select>
          </div>
        </div>
        <div class="form-foot">
          <div class="buttons" data-needs="any">
            <button class="primary" id="fault-set">Set</button>
            <button type="button" id="fault-clear">Delete all</button>
          </div>
          <p class="form-note" role="status" id="fault-note"></p>
        </div>
      </form>`
}

/** A command to copy. The script fills in its text. */
function command (id: string, label: string): string {
  return html`<div class="line">
          <code id="${id}" tabindex="0" role="textbox" aria-readonly="true" aria-label="${label}"></code>
          <button type="button" data-copies="${id}">Copy</button>
        </div>`
}
