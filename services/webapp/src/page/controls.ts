import { html } from 'ghtml'
import { textField } from './field.ts'

const TYPED_AS_IS = { spellcheck: 'false', autocomplete: 'off', autocapitalize: 'none' }

/** The headers that the book's routes use. */
const HEADERS = [
  { name: 'x-dark-launch', value: 'v2' },
  { name: 'x-istio-cohort', value: 'internal' }
] as const

/** The controls of the page's traffic: pause, rate, and a header to send. */
export function controls (): string {
  return html`<form class="controls panel" id="controls" novalidate>
        <button type="button" class="primary" id="pause">Pause</button>
        <button type="button" id="start-over">Start over</button>
        <div class="field rate">
          <label for="rate">Rate <output id="rate-shown" for="rate"></output></label>
          <input type="range" id="rate" min="1" max="20" step="1">
        </div>
        <fieldset class="header-fields">
          <legend>Header to send</legend>
          !${textField({
            id: 'header-name',
            label: 'Name',
            attributes: { ...TYPED_AS_IS, placeholder: HEADERS[0].name, list: 'header-names' }
          })}
          !${textField({
            id: 'header-value',
            label: 'Value',
            attributes: { ...TYPED_AS_IS, placeholder: HEADERS[0].value }
          })}
          <div class="buttons">
            <button id="header-set">Send this header</button>
            <button type="button" id="header-clear">Send none</button>
          </div>
          <div class="chips">!${HEADERS.map(({ name, value }) => html`
            <button type="button">${name}: ${value}</button>`)}
          </div>
          <datalist id="header-names">!${HEADERS.map(({ name }) => html`
            <option value="${name}"></option>`)}
          </datalist>
        </fieldset>
        <p class="sending" role="status" id="sending"></p>
      </form>`
}
