import type { RequestListener } from 'node:http'
import { parseConfig } from '@outfitters/service-kit'
import { listen, recordingLogger, stubUpstream } from '@outfitters/service-kit/testing'
import { onTestFinished } from 'vitest'
import { buildApp } from '../src/app.ts'
import { WebappConfig } from '../src/config.ts'

export interface StartOptions {
  /** how the catalog answers, or the port of a catalog */
  catalog?: RequestListener | number
  /** how the forum answers */
  forum?: RequestListener
  env?: Record<string, string>
}

/** A webapp that listens on a free port, with stubs for its upstreams. All are closed after the test. */
export async function start ({ catalog, forum, env = {} }: StartOptions = {}) {
  const stub = async (listener = answering(200, [])) => {
    const upstream = await stubUpstream(listener)
    onTestFinished(upstream.close)
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
  onTestFinished(() => app.close())
  return { app, lines, catalog: catalogStub, forum: forumStub, origin: await listen(app) }
}

/** A listener that gives every request the same answer. */
export function answering (status: number, body: unknown, headers: Record<string, string> = {}): RequestListener {
  return (_request, response) => {
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}
