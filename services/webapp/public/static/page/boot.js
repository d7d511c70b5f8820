// Loads the other modules. In this store, requests fail on purpose, and browsers do not retry a failed module. So this
// module loads the page again.

const RETRY_MS = 2000
/** About a minute. After that, the page says that it did not load, and shows only the book's page. */
const MAX_RETRIES = 30
const KEY = 'retries of loading the page'

import('./main.js').then(() => sessionStorage.removeItem(KEY), error => {
  const retries = Number(sessionStorage.getItem(KEY)) + 1
  const isNetworkError = error instanceof TypeError // other errors are bugs: a retry does not help
  if (!isNetworkError || retries > MAX_RETRIES) {
    sessionStorage.removeItem(KEY)
    document.documentElement.className = 'broken'
    throw error
  }
  sessionStorage.setItem(KEY, String(retries))
  setTimeout(() => location.replace(`./${location.search}`), RETRY_MS) // reload() would send a form again
})
