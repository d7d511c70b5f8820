import type { ReadStream } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { onSendAsyncHookHandler } from 'fastify'

const compress = promisify(gzip)
/** `gzip`, unless the client gives it the weight 0 */
const ACCEPTS_GZIP = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i

/**
 * A hook that compresses files for clients that accept gzip. It keeps the compressed files in memory. The ETag of
 * a file stays the same: it is weak, so it means the same content, however that is encoded.
 */
export function compressed (): onSendAsyncHookHandler {
  const known = new Map<string, Buffer>()
  const bytesOf = async (file: ReadStream, etag: string) => {
    const version = `${String(file.path)} ${etag}`
    const bytes = known.get(version) ?? await compress(await buffer(file))
    known.set(version, bytes)
    file.destroy()
    return bytes
  }
  return async (request, reply, payload) => {
    reply.header('vary', 'accept-encoding')
    const acceptsGzip = ACCEPTS_GZIP.test(String(request.headers['accept-encoding'] ?? ''))
    if (reply.statusCode !== 200 || !acceptsGzip) return payload

    const etag = String(reply.getHeader('etag'))
    const sent = request.method === 'HEAD' ? payload : await bytesOf(payload as ReadStream, etag)
    reply.header('content-encoding', 'gzip').removeHeader('content-length')
    reply.header('accept-ranges', 'none') // ranges refer to the uncompressed file
    return sent
  }
}
