/** All recent figures cover this time. It is so short that they are right within ten seconds of a change. */
export const RECENT_MS = 8000
