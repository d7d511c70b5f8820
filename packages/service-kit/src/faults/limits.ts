/** The longest that a fault may delay a request or hold its connection; milliseconds. */
export const MAX_DELAY_MS = 60_000
