// The address of a picture. The server and the page's script both import this module.

/**
 * A path such as `/images/x.svg` becomes relative to the page, so that pictures load below a path prefix too. Other
 * URLs stay as they are, also `//host/…`.
 *
 * @param {string} imageUrl
 */
export function pictureUrl (imageUrl) {
  return imageUrl.replace(/^\/(?!\/)/, '')
}
