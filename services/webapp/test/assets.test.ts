// The files of the page over HTTP, for clients with and without gzip.
import { request as call, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { start } from './start.ts'

const STYLE = readFileSync(new URL('../public/static/style.css', import.meta.url))

/** Sends a request without any headers of its own, and leaves the body as it is. */
async function ask (origin: string, headers: Record<string, string>, method = 'GET') {
  const [response] = await once(call(`${origin}/static/style.css`, { method, headers }).end(), 'response')
  const { statusCode, headers: answered } = response as IncomingMessage
  return { status: statusCode, headers: answered, body: await buffer(response) }
}

test('files are compressed for clients that accept gzip, the first time and later', async () => {
  const { origin } = await start()
  for (let time = 0; time < 2; time++) {
    const { status, headers, body } = await ask(origin, { 'accept-encoding': 'gzip, deflate, br' })
    expect(status).toBe(200)
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding', 'accept-ranges': 'none' })
    expect(headers['content-type']).toMatch('text/css')
    expect(headers['content-length']).toBe(String(body.length))
    expect(body.length).toBeLessThan(STYLE.length / 3)
    expect(gunzipSync(body).equals(STYLE)).toBe(true)
  }
})

test.each<Record<string, string>>([
  {}, { 'accept-encoding': 'identity' }, { 'accept-encoding': 'gzip;q=0, br' }, { 'accept-encoding': 'br' }
])('files are not compressed for clients with the headers %o', async headers => {
  const { origin } = await start()
  const answer = await ask(origin, headers)
  expect(answer.body.equals(STYLE)).toBe(true)
  expect(answer.headers).not.toHaveProperty('content-encoding')
  expect(answer.headers).toMatchObject({ vary: 'accept-encoding', 'content-length': String(STYLE.length) })
})

test('HEAD, Range and If-None-Match work for clients that accept gzip', async () => {
  const { origin } = await start()
  const gzip = { 'accept-encoding': 'gzip' }
  const { headers: { etag, vary } } = await ask(origin, gzip)
  const head = await ask(origin, gzip, 'HEAD')
  expect([head.status, head.body.length, head.headers['content-encoding'], head.headers.etag])
    .toEqual([200, 0, 'gzip', etag])
  const part = await ask(origin, { ...gzip, range: 'bytes=0-9' })
  expect([part.status, part.headers['content-encoding'], part.body.equals(STYLE.subarray(0, 10))])
    .toEqual([206, undefined, true])
  const unchanged = await ask(origin, { ...gzip, 'if-none-match': String(etag) })
  expect([unchanged.status, unchanged.headers.vary, unchanged.body.length]).toEqual([304, vary, 0])
})
