// Someone may read the log on a terminal, for which U+001B or U+009B begins a command. A client can put U+009B into the
// Host header.

/** Escapes the control characters that JSON leaves as they are. */
export function escapeControls (json: string): string {
  return json.replace(/[\x7f-\x9f]/g, character => `\\u00${character.charCodeAt(0).toString(16)}`)
}

/** Makes the control characters in JSON visible, as in `\u009b`. Line breaks and tabs stay. */
export function controlsAsText (json: string): string {
  const escapes = /\\(?:\\|u00[0189][0-9a-f]|u007f|[bf])/g
  return escapeControls(json).replace(escapes, escape => escape === '\\\\' ? escape : `\\${escape}`)
}
