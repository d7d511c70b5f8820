// Helpers to build and find elements of the page.

const SVG = 'http://www.w3.org/2000/svg'

/**
 * True gives an attribute without a value; false and undefined give no attribute.
 *
 * @typedef {Record<string, string | number | boolean | undefined>} Attributes
 */

/**
 * Creates an HTML element.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...(Node | string)} children a string is text, never markup
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element (name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children)
}

/**
 * Creates an SVG element.
 *
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...(Node | string)} children a string is text, never markup
 * @returns {SVGElementTagNameMap[Name]}
 */
export function svg (name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children)
}

/**
 * @template {Element} Created
 * @param {Created} created
 * @param {Attributes} attributes
 * @param {(Node | string)[]} children
 */
function fill (created, attributes, children) {
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) created.setAttribute(attribute, value === true ? '' : String(value))
  }
  created.append(...children)
  return created
}

/**
 * The element with this id. It throws a TypeError if the page has no such element of this class.
 *
 * @template {Element} Wanted
 * @param {string} id
 * @param {new () => Wanted} type
 * @returns {Wanted}
 */
export function byId (id, type) {
  const found = document.getElementById(id)
  if (!(found instanceof type)) throw new TypeError(`the page has no ${type.name} #${id}`)
  return found
}

/** Whether the window is as narrow as that of a phone; the style sheet has the same limit. */
export function isNarrow () {
  return matchMedia('(max-width: 44rem)').matches
}

/**
 * Sets the text of an element. If the element already has this text, nothing happens: otherwise, the browser would lay
 * it out and paint it again, and a screen reader would read it again.
 *
 * @param {string | HTMLElement} target an element, or its id
 * @param {string} text
 */
export function setText (target, text) {
  const found = typeof target === 'string' ? byId(target, HTMLElement) : target
  if (found.textContent !== text) found.textContent = text
}

/**
 * Shows beside a field what is wrong with its value; undefined removes the message.
 *
 * @param {string} id
 * @param {string | undefined} error
 */
export function showFieldError (id, error) {
  const field = byId(id, HTMLElement)
  if (error === undefined) field.removeAttribute('aria-invalid')
  else field.setAttribute('aria-invalid', 'true')
  setText(`${id}-error`, error ?? '')
}
