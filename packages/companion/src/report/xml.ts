import { stripVTControlCharacters } from 'node:util'

/** An XML element: its name, its attributes, and its text or its child elements. */
export interface Element {
  name: string
  attributes: Record<string, string | number>
  content?: string | Element[]
}

/** Builds an element. */
export const element = (name: string, attributes: Element['attributes'], content?: Element['content']): Element =>
  ({ name, attributes, ...(content !== undefined && { content }) })

/** An XML document in UTF-8 with this root element. */
export const xmlDocument = (root: Element) => `<?xml version="1.0" encoding="UTF-8"?>\n${textOf(root, '')}\n`

function textOf ({ name, attributes, content = '' }: Element, indent: string): string {
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(String(value))}"`)
  const start = name + pairs.join('')
  if (content.length === 0) return `${indent}<${start}/>`
  if (typeof content === 'string') return `${indent}<${start}>${escaped(content, KEPT_IN_TEXT)}</${name}>`
  return `${indent}<${start}>\n${content.map(child => textOf(child, `${indent}  `)).join('\n')}\n${indent}</${name}>`
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** In an attribute, a parser reads an unescaped line break or tab as a space. */
const KEPT_IN_TEXT = /[\n\t]/

/** Escapes a text. Characters that XML does not allow, even as references, become U+FFFD. */
function escaped (text: string, kept = /(?!)/): string {
  return stripVTControlCharacters(text)
    .toWellFormed()
    // eslint-disable-next-line no-control-regex -- these are the characters that XML does not allow
    .replaceAll(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '\ufffd')
    .replaceAll(/[&<>"\n\r\t]/g, char => kept.test(char) ? char : ENTITIES[char] ?? `&#${char.charCodeAt(0)};`)
}
