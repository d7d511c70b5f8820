/** Scheme and authority of a target as a proxy's client sends it. */
const ORIGIN = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/

/** The path of a request's target, without query and, where a proxy's client sent one, without scheme and host. */
export function pathOf (url: string): string {
  const end = url.search(/[?#]/)
  const whole = end === -1 ? url : url.slice(0, end)
  return whole.startsWith('/') ? whole : whole.replace(ORIGIN, '') || '/'
}

/**
 * A target that the router takes: without scheme and host, and where it cannot be decoded (`/items/%zz`), the percent signs
 * stand for themselves. The router would refuse `http://x:99999/items` and `/items/%zz` before any hook had seen them, and
 * they would leave no line in the log.
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
