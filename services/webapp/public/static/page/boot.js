// Loads the rest. A module that does not arrive stays missing until the page is loaded anew, and here things fail on purpose.

const AGAIN_MS = 2000

import('./main.js').catch(error => {
  if (document.documentElement.classList.contains('alive')) throw error // it arrived, and has a mistake
  setTimeout(() => location.reload(), AGAIN_MS)
})
