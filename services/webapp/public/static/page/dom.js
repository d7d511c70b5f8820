// What the other modules build the page with.

const SVG = 'http://www.w3.org/2000/svg'

/**
 * An HTML element.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string | number | boolean | undefined>} [attributes] true is an attribute without a value; false and undefined are none
 * @param {...(Node | string)} children a string is text, never markup
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element (name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children)
}

/**
 * An SVG element.
 *
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string | number | boolean | undefined>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElementTagNameMap[Name]}
 */
export function svg (name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children)
}

/**
 * @template {Element} Made
 * @param {Made} made
 * @param {Record<string, string | number | boolean | undefined>} attributes
 * @param {(Node | string)[]} children
 */
function filled (made, attributes, children) {
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(attribute, value === true ? '' : String(value))
  }
  made.append(...children)
  return made
}

/**
 * The element of that id, which is there and of that class.
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

/**
 * Says beside a field what is wrong with it; undefined takes that back.
 *
 * @param {string} id
 * @param {string | undefined} problem
 */
export function sayBeside (id, problem) {
  const field = byId(id, HTMLElement)
  if (problem === undefined) field.removeAttribute('aria-invalid')
  else field.setAttribute('aria-invalid', 'true')
  byId(`${id}-error`, HTMLElement).textContent = problem ?? ''
}
