/** The path of a request's target, without query and, where a proxy's client sent one, without scheme and host. */
export function pathOf (url: string): string {
  const end = url.search(/[?#]/)
  const whole = end === -1 ? url : url.slice(0, end)
  return whole.startsWith('/') ? whole : whole.replace(/^[A-Za-z]+:\/\/[^/]*/, '') || '/'
}

/**
 * A target that the router can decode: in one that it cannot (`/items/%zz`), the percent signs stand for themselves. The router would
 * refuse it before any hook had seen it, and it would leave no line in the log.
 */
export function routable (url: string): string {
  if (!url.includes('%')) return url
  try {
    decodeURIComponent(url)
    return url
  } catch {
    return url.replaceAll('%', '%25')
  }
}
