// Which field a validation error is about. The server and the page's script both import this module.

/**
 * Whether an error of the API is about this field, as in `body/price must be …` or
 * `body must have required property 'price'`.
 *
 * @param {string} error
 * @param {string} field
 */
export function isAboutField (error, field) {
  return error.startsWith(`body/${field} `) || (error.startsWith('body ') && error.includes(`'${field}'`))
}
