/**
 * Waits for all of these, even if one fails: what goes on after a failure would disturb what comes next, such as the
 * restoration.
 *
 * @throws the first error, after all have ended
 */
export async function allSettled<T extends readonly unknown[]> (
  works: readonly [...T]
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(works)
  const failed = results.find(({ status }) => status === 'rejected')
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason
  return results.map(result => (result as PromiseFulfilledResult<unknown>).value) as never
}
