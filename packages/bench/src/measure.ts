import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import autocannon from 'autocannon'
import { ROOT } from '../../../scripts/project.ts'

/** Everything is on this machine. */
export const HOST = '127.0.0.1'

const CONNECTIONS = 32
const POLL_MS = 5
const SAMPLE_MS = 50
const READY_LIMIT_MS = 10_000
const STOP_LIMIT_MS = 3_000

/** Node counts on Linux alone, and there /proc has been giving CPU time in hundredths of a second on all of Node's platforms. */
const TICKS_PER_SECOND = 100

/** A process to be measured: a script that listens on PORT and answers GET /readyz with 200 when it is ready. */
export interface Launch {
  name: string
  /** relative to the root of the project */
  script: string
  /** its whole environment beside HOST, PORT and HOSTNAME: nothing of the caller's (NODE_OPTIONS, OTEL_*) reaches it */
  env?: Record<string, string>
  /** how much memory V8 plans with, in MiB, as it does by itself under a container's limit; by default what the machine has */
  heapMebibytes?: number
}

/** An answer as `baselines/http.ts` can give it again. */
export interface Answer {
  /** without those that Node writes by itself */
  headers: Record<string, string>
  /** milliseconds that the server keeps an idle connection */
  keepAliveMs: number
  body: string
}

const running = new Set<Server>()
const logs = mkdtempSync(join(tmpdir(), 'outfitters-bench-'))

// However this process ends, nothing of it stays.
process.on('exit', () => {
  for (const server of running) server.kill()
  rmSync(logs, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

/** A process that is being measured, from the outside alone. */
export class Server {
  readonly name: string
  readonly port: number
  /** milliseconds from spawn to the first 200 of /readyz */
  readyMs = NaN
  readonly #log: string
  readonly #child

  constructor ({ name, script, env, heapMebibytes }: Launch, port: number) {
    this.name = name
    this.port = port
    this.#log = join(logs, `${name}-${port}.log`)
    // A file, the same for all: a real write for each line that a service logs, and no reader that takes CPU of its own.
    const log = openSync(this.#log, 'w')
    const flags = heapMebibytes === undefined ? [] : [`--max-heap-size=${heapMebibytes}`]
    this.#child = spawn(process.execPath, [...flags, join(ROOT, script)], {
      env: { HOST, PORT: String(port), HOSTNAME: name, NODE_COMPILE_CACHE: join(logs, 'compiled'), ...env },
      stdio: ['ignore', log, log]
    })
    closeSync(log)
    running.add(this)
  }

  get hasEnded (): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** CPU time that the process has taken since its start, all its threads included, in seconds with a resolution of 0.01. */
  cpuSeconds (): number {
    return cpuSecondsIn(readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8'))
  }

  /** Resident memory, in MiB. */
  rssMebibytes (): number {
    return rssMebibytesIn(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8'))
  }

  /** The end of what it wrote to stdout and stderr. */
  lastWords (): string {
    return readFileSync(this.#log, 'utf8').trimEnd().slice(-500)
  }

  kill (): void {
    this.#child.kill('SIGKILL')
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    if (!this.hasEnded) {
      this.#child.kill('SIGTERM')
      const timer = setTimeout(() => this.kill(), STOP_LIMIT_MS)
      await once(this.#child, 'exit')
      clearTimeout(timer)
    }
    running.delete(this)
    rmSync(this.#log, { force: true })
  }
}

/**
 * Starts a process and waits until it is ready. As in the images, what it runs has been compiled by an earlier start.
 *
 * @throws {Error} with its last words where it ends instead, or isn't ready within 10 s
 */
export async function start (launch: Launch): Promise<Server> {
  const port = await freePort()
  const spawned = performance.now()
  const server = new Server(launch, port)
  while (!await isReady(port)) {
    if (server.hasEnded || performance.now() - spawned > READY_LIMIT_MS) {
      server.kill()
      throw new Error(`${launch.name} does not get ready: ${server.lastWords()}`)
    }
    await sleep(POLL_MS)
  }
  server.readyMs = performance.now() - spawned
  return server
}

/**
 * Sends GET requests over 32 connections, each connection the next one when it has the answer to the last.
 *
 * @throws {Error} where not every single one is answered with a 2xx
 */
export async function load (server: Server, path: string, requests: number): Promise<void> {
  const result = await autocannon({
    url: `http://${HOST}:${server.port}${path}`,
    amount: requests,
    connections: CONNECTIONS,
    sampleInt: SAMPLE_MS // it ends with a sample
  })
  if (result['2xx'] !== requests) {
    throw new Error(`${server.name} answered ${result['2xx']} of ${requests} requests for ${path} with a 2xx; ${result.errors} errors`)
  }
}

/** CPU time for each of so many requests, in microseconds. */
export async function cpuMicrosecondsARequest (server: Server, path: string, requests: number): Promise<number> {
  const before = server.cpuSeconds()
  await load(server, path, requests)
  return (server.cpuSeconds() - before) / requests * 1e6
}

/** The most resident memory that is seen while something goes on, in MiB. */
export async function peakMebibytes (server: Server, meanwhile: Promise<void>): Promise<number> {
  const done = meanwhile.then(() => true)
  let peak = 0
  do peak = Math.max(peak, server.rssMebibytes())
  while (!await Promise.race([done, sleep(SAMPLE_MS, false)]) && !server.hasEnded)
  await done
  return peak
}

/**
 * What a server answers to a GET.
 *
 * @throws {Error} where it is no 200
 */
export async function answerOf (server: Server, path: string): Promise<Answer> {
  const [response] = await once(get({ host: HOST, port: server.port, path }), 'response') as [IncomingMessage]
  const body = await text(response)
  if (response.statusCode !== 200) throw new Error(`${server.name} answered ${response.statusCode}: ${body}`)
  const headers: Record<string, string> = {}
  for (let i = 0; i < response.rawHeaders.length; i += 2) headers[response.rawHeaders[i] as string] = response.rawHeaders[i + 1] as string
  const { Date: _date, Connection: _connection, 'Keep-Alive': keepAlive = '', ...own } = headers
  return { headers: own, keepAliveMs: Number(/timeout=(\d+)/.exec(keepAlive)?.[1]) * 1000, body }
}

/**
 * CPU time in seconds.
 *
 * @param stat the content of /proc/PID/stat
 */
export function cpuSecondsIn (stat: string): number {
  // The second field is the command in parentheses and may hold spaces and parentheses itself; the third follows the last one.
  const [utime, stime, cutime, cstime] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11).map(Number) as [number, number, number, number]
  return (utime + stime + cutime + cstime) / TICKS_PER_SECOND
}

/**
 * Resident memory in MiB.
 *
 * @param status the content of /proc/PID/status
 */
export function rssMebibytesIn (status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024
}

/** The middle one; between the middle two where their number is even. NaN where there are none. */
export function median (values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2
}

async function isReady (port: number): Promise<boolean> {
  try {
    const [response] = await once(get({ host: HOST, port, path: '/readyz', agent: false }), 'response') as [IncomingMessage]
    response.resume()
    return response.statusCode === 200
  } catch {
    return false // not listening yet
  }
}

async function freePort (): Promise<number> {
  const server = createServer().listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
