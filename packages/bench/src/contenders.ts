import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { OTHER_ROOT } from './options.ts'
import { answerOf, HOST, SCRATCH, start, type Answer, type Launch, type Server } from './measure.ts'

/** The version of go-httpbin that the catalog is compared with. */
const GO_HTTPBIN = 'github.com/mccutchen/go-httpbin/v2/cmd/go-httpbin@v2.26.0'
const GO_BUILD_LIMIT_MS = 300_000

/** The catalog. */
export const CATALOG: Launch = { name: 'catalog', script: 'services/catalog/src/server.ts' }

/** The forum, with its built-in users. */
export const FORUM: Launch = { name: 'forum', script: 'services/forum/src/server.ts', env: { LOCAL_USERS: 'true' } }

/** The webapp. */
export function webapp (upstream: { port: number }): Launch {
  return {
    name: 'webapp',
    script: 'services/webapp/src/server.ts',
    env: { CATALOG_SERVICE_HOST: HOST, CATALOG_SERVICE_PORT: String(upstream.port) }
  }
}

/** The same service with tracing on. No span is sampled, so it needs no collector. */
export function traced ({ name, env, ...launch }: Launch): Launch {
  const tracing = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://${HOST}:9`, OTEL_TRACES_SAMPLER: 'always_off' }
  return { ...launch, name: `${name} with tracing`, env: { ...env, ...tracing } }
}

/** The same service of the other checkout; undefined without `--against`. */
export function before (launch: Launch): Launch | undefined {
  return OTHER_ROOT === undefined ? undefined : { ...launch, root: OTHER_ROOT }
}

/** A server with the least work for node:http, which sends the given answer. */
export function bareHttp (answer: Answer): Launch {
  const script = 'packages/bench/src/baselines/http.ts'
  const file = join(SCRATCH, `${randomUUID()}.json`) // a thousand items do not fit into a variable
  writeFileSync(file, JSON.stringify(answer))
  return { name: 'bare node:http', script, env: { ANSWER_FILE: file } }
}

/** A proxy with the least work for node:http and undici. */
export function bareProxy (upstream: Server): Launch {
  const script = 'packages/bench/src/baselines/proxy.ts'
  return { name: 'bare proxy', script, env: { UPSTREAM: `http://${HOST}:${upstream.port}` } }
}

/**
 * go-httpbin, built here by Go. Like the catalog, it writes a line for each request.
 *
 * @throws {Missing} if Go is missing, or cannot build it
 */
export function goHttpbin (): Launch {
  try {
    const env = { ...process.env, GOBIN: SCRATCH }
    execFileSync('go', ['install', GO_HTTPBIN], { env, timeout: GO_BUILD_LIMIT_MS, encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Missing(code === 'ENOENT' ? 'Go is not installed' : `Go cannot build go-httpbin: ${message}`)
  }
  return { name: 'go-httpbin', script: { executable: join(SCRATCH, 'go-httpbin') }, readyPath: '/json' }
}

/** A tool that a measurement needs is not on this machine. That is no failure. */
export class Missing extends Error {
  override name = 'Missing'
}

/** A bare server with the catalog's answer. It costs little, so the measurement is about the proxy in front of it. */
export async function startUpstream (): Promise<Server> {
  await using catalog = await start(CATALOG)
  return await start(bareHttp(await answerOf(catalog, '/items')))
}
