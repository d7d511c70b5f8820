// Loads the other modules. A browser does not retry a module that failed to load, and in this store requests fail on
// purpose, so this module loads the page again.

const RETRY_MS = 2000
/** After a minute of retries the fault is not temporary. The page also works without its script. */
const MAX_RETRIES = 30
const KEY = 'retries of loading the page'

import('./main.js').then(() => sessionStorage.removeItem(KEY), error => {
  const retries = Number(sessionStorage.getItem(KEY)) + 1
  const isLoaded = document.documentElement.classList.contains('alive')
  const isNetworkError = error instanceof TypeError // other errors are bugs: a retry does not help
  if (isLoaded || !isNetworkError || retries > MAX_RETRIES) {
    sessionStorage.removeItem(KEY)
    throw error
  }
  sessionStorage.setItem(KEY, String(retries))
  setTimeout(() => location.replace(`./${location.search}`), RETRY_MS) // reload() would send a form again
})
