import { html } from 'ghtml'
import { textField } from './field.ts'

/** The percentages of requests that the bar offers. */
const PERCENTAGES = [10, 50, 100]

const NUMERIC = { inputmode: 'numeric' }

/** Which callers may set faults through the webapp: the value of CHAOS_ACCESS. */
export type ChaosAccess = 'local' | 'any' | 'off'

/** The bar that sets a fault in the catalog with one press. It is hidden if the page may not set faults. */
export function faultBar (access: ChaosAccess): string {
  return html`<div class="panel fault-bar" id="fault-bar" role="group" aria-label="Faults in the catalog"
        !${access === 'any' ? '' : 'hidden'}>
        <div class="choice" id="fault-bar-versions" role="radiogroup" aria-label="Version">
          <label><input type="radio" name="version" value="" checked>all</label>
        </div>
        <div class="choice" role="radiogroup" aria-label="Percentage of requests">
          !${PERCENTAGES.map(percentage => html`<label><input type="radio" name="percentage" value="${percentage}"
            !${percentage === 50 ? 'checked' : ''}>${percentage} %</label>`)}
        </div>
        <div class="choice" role="group" aria-label="Set a fault">
          !${['500', 'slow', 'drop'].map(fault => html`<button type="button" value="${fault}">${fault}</button>`)}
        </div>
        <button type="button" value="heal">Heal everything</button>
        <p class="fault-bar-state" id="fault-bar-state" role="status"></p>
        <p class="error" id="fault-bar-problem" role="alert"></p>
      </div>`
}

/**
 * The form that sets faults of all types, the list of rules, and commands that do the same from a terminal.
 *
 * @param namespace of the webapp; undefined outside a cluster
 */
export function faultControls (access: ChaosAccess, namespace = 'NAMESPACE'): string {
  const openCommand = `kubectl set env -n ${namespace} deployment --all CHAOS_ACCESS=any`
  return html`<section class="panel faults live" id="fault-panel" data-access="${access}"
        data-namespace="${namespace}" aria-labelledby="faults">
      <h2 id="faults">All faults</h2>
      <details id="fault-details" open>
        <summary>Set a fault of any type</summary>
        !${form()}
      </details>
      <ul class="rules" id="rules" aria-label="Rules in the pods that the page has seen"></ul>
      <div class="terminal" id="terminal"!${access === 'any' ? ' hidden' : ''}>
        <p><span id="terminal-reason"></span> For a workshop, let every caller set faults, then reload this page:</p>
        !${command('open-line', 'Let every caller set faults', openCommand)}
        <p>Or set this fault from a terminal, in the project's folder:</p>
        !${command('script-line', 'Set the fault with scripts/chaos.sh')}
        <details>
          <summary>With kubectl only</summary>
          !${command('kubectl-line', 'Set the fault with kubectl')}
          <p>To show the rules, and to delete them:</p>
          !${command('show-line', 'Show the rules')}
          !${command('delete-line', 'Delete the rules')}
        </details>
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
              <option value="drop">drop</option>
            </select>
          </div>
          !${textField({ id: 'fault-percentage', label: 'Percent', attributes: { inputmode: 'decimal', value: '50' } })}
          !${textField({
            id: 'fault-status',
            label: 'Status',
            forType: 'abort',
            attributes: { ...NUMERIC, value: '503' }
          })}
          <div class="field" data-for="latency">
            <label for="fault-distribution">Delays</label>
            <select id="fault-distribution">
              <option value="fixed">all the same</option>
              <option value="lognormal">lognormal</option>
            </select>
          </div>
          !${textField({
            id: 'fault-latencyMs',
            label: 'Delay',
            hint: 'ms',
            forType: 'fixed',
            attributes: { ...NUMERIC, value: '1000' }
          })}
          !${textField({
            id: 'fault-medianMs',
            label: 'Median',
            hint: 'ms',
            forType: 'lognormal',
            attributes: { ...NUMERIC, value: '500' }
          })}
          !${textField({
            id: 'fault-p99Ms',
            label: '99th percentile',
            hint: 'ms',
            forType: 'lognormal',
            attributes: { ...NUMERIC, value: '2000' }
          })}
          <div class="field" data-for="drop">
            <label for="fault-mode">How</label>
            <select id="fault-mode">
              <option value="fin">closed (FIN)</option>
              <option value="rst">reset (RST)</option>
              <option value="hang">held (hang)</option>
            </select>
          </div>
          !${textField({ id: 'fault-seconds', label: 'Duration', hint: 's, optional', attributes: NUMERIC })}
          !${textField({ id: 'fault-count', label: 'Hits', hint: 'optional', attributes: NUMERIC })}
        </div>
        <div class="form-foot">
          <div class="buttons" data-needs="any">
            <button class="primary" id="fault-set">Set</button>
            <button type="button" id="fault-clear">Delete the rules</button>
          </div>
          <p class="form-note" role="status" id="fault-note"></p>
        </div>
      </form>`
}

/** A command to copy. Without a text, the script fills it in. */
function command (id: string, label: string, text = ''): string {
  return html`<div class="line">
          <code id="${id}" tabindex="0" role="textbox" aria-readonly="true" aria-label="${label}">${text}</code>
          <button type="button" data-copies="${id}">Copy</button>
        </div>`
}
