import { html } from 'ghtml'

type Attributes = Record<string, string | number | boolean | undefined>

/** A text field of a form. */
export interface TextField {
  id: string
  label: string
  /** shown behind the label, in small letters */
  hint?: string | undefined
  /** further attributes of the input; true gives an attribute without a value, false and undefined give none */
  attributes?: Attributes
  /** the type of fault, or the distribution of delays, for which the field is shown; by default, it is always shown */
  forType?: string
  /** what is wrong with the value */
  error?: string | undefined
}

/** Renders a text field: its label, its input, and a place for its error message. */
export function textField ({ id, label, hint, attributes = {}, forType, error }: TextField): string {
  const all = { ...attributes, 'aria-describedby': `${id}-error`, 'aria-invalid': error === undefined ? false : 'true' }
  return html`<div class="field"!${attributesOf({ 'data-for': forType })}>
            <label for="${id}">${label}!${hint === undefined ? '' : html` <small>${hint}</small>`}</label>
            <input id="${id}"!${attributesOf(all)}>
            <p class="error" id="${id}-error">${error ?? ''}</p>
          </div>`
}

function attributesOf (attributes: Attributes): string {
  return Object.entries(attributes).map(([name, value]) => {
    if (value === undefined || value === false) return ''
    return value === true ? ` ${name}` : html` !${name}="${value}"`
  }).join('')
}
