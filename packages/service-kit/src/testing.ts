/** Helpers for the tests of several workspaces; no service imports them. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { pino, type Logger } from 'pino'
import { MAX_HEADER_BYTES } from './refusals.ts'
import type { Service } from './service.ts'

/** Makes a logger that keeps its lines, from debug level up. */
export function recordingLogger (): { logger: Logger, lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = []
  const options = { level: 'debug', formatters: { level: (label: string) => ({ level: label }) } }
  const logger = pino(options, { write: line => { lines.push(JSON.parse(line)) } })
  return { logger, lines }
}

/** A logger that writes nothing. */
export const silentLogger: Logger = pino({ level: 'silent' })

/** Starts a service on a free port of 127.0.0.1 and returns its origin, such as http://127.0.0.1:40123. */
export function listen (app: { listen: Service['listen'] }): Promise<string> {
  return app.listen({ port: 0, host: '127.0.0.1' })
}

/** Starts an upstream that answers by `listener` and keeps its requests. `close` also ends every open connection. */
export async function stubUpstream (listener: RequestListener) {
  const requests: IncomingMessage[] = []
  const sockets = new Set<Socket>()
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    requests.push(request)
    listener(request, response)
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  const { port } = server.address() as AddressInfo
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    requests,
    close: async () => {
      const closed = new Promise(resolve => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    }
  }
}

interface Operation {
  summary?: string
  tags?: string[]
  responses?: object
}
type Paths = Record<string, Record<string, Operation>>

/**
 * Compares a service's OpenAPI document with its routes. Call it before the service is ready. It returns one text for
 * each flaw: a route that is not documented, one without a summary, a tag or answers, or a documented route that does
 * not exist.
 */
export async function flawsOfDocument (app: Service): Promise<string[]> {
  const withoutSlash = (path: string) => path.replace(/(.)\/$/, '$1')
  const routes = new Set<string>()
  app.addHook('onRoute', ({ method, url, schema }) => {
    const path = withoutSlash(url.replace(/:(\w+)(\([^)]*\))?/g, '{$1}'))
    for (const one of [method].flat()) {
      if (one !== 'HEAD' && schema?.hide !== true) routes.add(`${one} ${path}`)
    }
  })
  await app.ready()

  const { paths = {} } = JSON.parse((await app.inject('/docs/json')).body) as { paths?: Paths }
  const documented = Object.entries(paths).flatMap(([path, operations]) => Object.entries(operations)
    .map(([method, operation]) => ({ route: `${method.toUpperCase()} ${withoutSlash(path)}`, ...operation })))
  const names = new Set(documented.map(({ route }) => route))
  return [
    ...[...routes].filter(route => !names.has(route)).map(route => `${route} is not documented`),
    ...[...names].filter(route => !routes.has(route)).map(route => `${route} is documented and does not exist`),
    ...documented.filter(({ summary, tags, responses }) => !summary || !tags?.length || !responses)
      .map(({ route }) => `${route} lacks a summary, a tag or its answers`)
  ]
}
