// Loads the rest. A module that does not arrive stays missing until the page is loaded anew, and here things fail on purpose.

const AGAIN_MS = 2000
/** After a minute it is no passing fault; without the script the page stands all the same. */
const MAX_TRIES = 30
const KEY = 'tries to load the page'

import('./main.js').then(() => sessionStorage.removeItem(KEY), error => {
  const tries = Number(sessionStorage.getItem(KEY)) + 1
  const hasArrived = document.documentElement.classList.contains('alive')
  if (hasArrived || !(error instanceof TypeError) || tries > MAX_TRIES) { // a mistake, or no use
    sessionStorage.removeItem(KEY)
    throw error
  }
  sessionStorage.setItem(KEY, String(tries))
  setTimeout(() => location.replace(`./${location.search}`), AGAIN_MS) // a reload would send a form again
})
