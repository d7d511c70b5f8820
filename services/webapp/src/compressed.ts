import type { ReadStream } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { onSendAsyncHookHandler } from 'fastify'

const compress = promisify(gzip)
/** `gzip`, unless the client gives it the weight 0 */
const ACCEPTS_GZIP = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i

/**
 * A hook that sends files compressed to clients that accept gzip. It keeps the compressed files in memory. The ETag of
 * a file stays the same: it is weak, so it means the same content, however that is encoded.
 */
export function compressed (): onSendAsyncHookHandler {
  const known = new Map<string, Buffer>()
  return async (request, reply, payload) => {
    reply.header('vary', 'accept-encoding')
    const acceptsGzip = ACCEPTS_GZIP.test(String(request.headers['accept-encoding'] ?? ''))
    if (reply.statusCode !== 200 || !acceptsGzip) return payload

    reply.header('content-encoding', 'gzip').removeHeader('content-length')
    reply.header('accept-ranges', 'none') // ranges are of the file as it is: a client must not mix both
    if (request.method === 'HEAD') return payload
    const file = payload as ReadStream
    const version = `${String(file.path)} ${String(reply.getHeader('etag'))}`
    const bytes = known.get(version) ?? await compress(await buffer(file))
    known.set(version, bytes)
    file.destroy()
    return bytes
  }
}
