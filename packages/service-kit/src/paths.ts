/** The scheme and authority that a request target has if the client treats us as a proxy. */
const ORIGIN = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/

/** The path of a request target, without its query and without scheme and host. */
export function pathOf (url: string): string {
  const end = url.search(/[?#]/)
  const whole = end === -1 ? url : url.slice(0, end)
  return whole.startsWith('/') ? whole : whole.replace(ORIGIN, '') || '/'
}

/**
 * Turns a request target into one that the router accepts. It removes scheme and host. If the target cannot be decoded
 * (`/items/%zz`), it escapes the percent signs. The router would refuse `http://x:99999/items` and `/items/%zz` before
 * any hook sees them, and the log would have no line for them.
 */
export function routable (target: string): string {
  const url = target.startsWith('/') ? target : target.replace(ORIGIN, '').replace(/^(?=[?#]|$)/, '/')
  if (!url.includes('%')) return url
  try {
    decodeURIComponent(url)
    return url
  } catch {
    return url.replaceAll('%', '%25')
  }
}
