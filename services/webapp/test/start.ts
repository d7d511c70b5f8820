import type { RequestListener } from 'node:http'
import { parseConfig } from '@outfitters/service-kit'
import { listen, recordingLogger, stubUpstream } from '@outfitters/service-kit/testing'
import { afterEach } from 'vitest'
import { buildApp } from '../src/app.ts'
import { WebappConfig } from '../src/config.ts'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => { for (const close of closers.splice(0).reverse()) await close() })

/** A webapp whose upstreams answer as told, all of it closed after the test. */
export async function start ({ catalog, forum, env = {} }: { catalog?: RequestListener | number, forum?: RequestListener, env?: Record<string, string> } = {}) {
  const stub = async (listener: RequestListener = (_request, response) => { response.writeHead(200).end('[]') }) => {
    const upstream = await stubUpstream(listener)
    closers.push(upstream.close)
    return upstream
  }
  const catalogStub = await stub(typeof catalog === 'number' ? undefined : catalog)
  const forumStub = await stub(forum)
  const { logger, lines } = recordingLogger()
  const app = buildApp(parseConfig(WebappConfig, {
    HOSTNAME: 'webapp-1',
    CATALOG_SERVICE_HOST: '127.0.0.1',
    CATALOG_SERVICE_PORT: String(typeof catalog === 'number' ? catalog : catalogStub.port),
    FORUM_SERVICE_HOST: '127.0.0.1',
    FORUM_SERVICE_PORT: String(forumStub.port),
    ...env
  }), { logger })
  closers.push(() => app.close())
  return { app, lines, catalog: catalogStub, forum: forumStub, origin: await listen(app) }
}

/** A stand-in that answers every request in the same way. */
export function answering (status: number, body: unknown, headers: Record<string, string> = {}): RequestListener {
  return (_request, response) => {
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}
