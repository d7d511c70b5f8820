/** More levels than any text of the store has. */
export const MAX_LEVELS = 64

/**
 * Whether a JSON text is nested more deeply than MAX_LEVELS. JSON.parse reads any depth, but JSON.stringify and schemas
 * fail with a full stack. The text need not be valid.
 */
export function isTooDeep (text: string): boolean {
  let level = 0
  let isInString = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (isInString) {
      if (code === BACKSLASH) i++
      else if (code === QUOTE) isInString = false
    } else if (code === QUOTE) {
      isInString = true
    } else if (code === OPEN_BRACKET || code === OPEN_BRACE) {
      if (++level > MAX_LEVELS) return true
    } else if (code === CLOSE_BRACKET || code === CLOSE_BRACE) {
      level--
    }
  }
  return false
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c]
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d]
