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

/** All processes run on this machine. */
export const HOST = '127.0.0.1'

/** How many connections a load has, unless it says otherwise. */
export const CONNECTIONS = 32

const POLL_MS = 5
const SAMPLE_MS = 50
const READY_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 3_000

/** The unit of CPU time in /proc is a hundredth of a second, on all platforms of Linux that Node supports. */
const TICKS_PER_SECOND = 100

/** A process to measure: it listens on HOST and PORT. */
export interface Launch {
  name: string
  /** a script for Node, relative to the root of the project; or else the path of an executable */
  script: string | { executable: string }
  /** the root of the project; by default this checkout */
  root?: string | undefined
  /** added to HOST, PORT and HOSTNAME. The process inherits no other variable, for example NODE_OPTIONS or OTEL_*. */
  env?: Record<string, string>
  /** the memory that V8 plans with, in MiB: the limit of a container. By default that of the machine. */
  heapMebibytes?: number
  /** the path that answers 200 when the process is ready; by default /readyz */
  readyPath?: string
}

/** The parts of an answer that `baselines/http.ts` needs to send the same answer. */
export interface Answer {
  /** without the headers that Node itself adds */
  headers: Record<string, string>
  /** how long the server keeps an idle connection, in milliseconds */
  keepAliveMs: number
  body: string
}

const running = new Set<Server>()

/** A folder for logs, caches and builds. It is deleted when the benchmark ends. */
export const SCRATCH = mkdtempSync(join(tmpdir(), 'outfitters-bench-'))

// When this process ends, for any reason, it ends the others and deletes their files.
process.on('exit', () => {
  for (const server of running) server.kill()
  rmSync(SCRATCH, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

/** A running process. All measurements are made from outside of it. */
export class Server {
  readonly name: string
  readonly port: number
  /** the time from its start to the first 200 of its readiness path, in milliseconds */
  readyMs = NaN
  readonly #log: string
  readonly #child

  constructor ({ name, script, root = ROOT, env, heapMebibytes }: Launch, port: number) {
    this.name = name
    this.port = port
    this.#log = join(SCRATCH, `${port}.log`)
    // The log goes to a file. The service then really writes each line, and no process spends CPU time to read it.
    const log = openSync(this.#log, 'w')
    const flags = heapMebibytes === undefined ? [] : [`--max-heap-size=${heapMebibytes}`]
    const [command, args] = typeof script === 'string'
      ? [process.execPath, [...flags, join(root, script)]]
      : [script.executable, []]
    const hostname = name.replaceAll(' ', '-')
    this.#child = spawn(command, args, {
      env: { HOST, PORT: String(port), HOSTNAME: hostname, NODE_COMPILE_CACHE: join(SCRATCH, 'compiled'), ...env },
      stdio: ['ignore', log, log]
    })
    closeSync(log)
    running.add(this)
  }

  /** Whether the process has ended. */
  get hasEnded (): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** The CPU time of the process and all its threads since the start, in seconds, with a resolution of 0.01 s. */
  cpuSeconds (): number {
    return cpuSecondsIn(readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8'))
  }

  /** Resident memory, in MiB. */
  rssMebibytes (): number {
    return rssMebibytesIn(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8'))
  }

  /** The last 500 characters of its output. */
  lastOutput (): string {
    return readFileSync(this.#log, 'utf8').trimEnd().slice(-500)
  }

  /** Ends the process at once. */
  kill (): void {
    this.#child.kill('SIGKILL')
  }

  /** Asks the process to end, and kills it after three seconds. */
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
 * Starts a process and waits until it is ready.
 *
 * @throws {Error} with the last lines of its output if it ends, or is not ready within a minute
 */
export async function start (launch: Launch): Promise<Server> {
  const port = await freePort()
  const spawned = performance.now()
  const server = new Server(launch, port)
  while (!await isOk(port, launch.readyPath ?? '/readyz')) {
    if (server.hasEnded || performance.now() - spawned > READY_LIMIT_MS) {
      server.kill()
      throw new Error(`${launch.name} did not become ready: ${server.lastOutput()}`)
    }
    await sleep(POLL_MS)
  }
  server.readyMs = performance.now() - spawned
  return server
}

/** The size of a load. */
export interface LoadSize {
  requests: number
  /** 32 by default. Each connection sends the next request when it has the answer to the last. */
  connections?: number
}

/**
 * Sends GET requests.
 *
 * @returns how long each request took, in milliseconds, in ascending order
 * @throws {Error} if not every request gets a 2xx
 */
export async function load (
  server: Server, path: string, { requests, connections = CONNECTIONS }: LoadSize
): Promise<number[]> {
  const latencies: number[] = []
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    autocannon({
      url: `http://${HOST}:${server.port}${path}`,
      amount: requests,
      connections,
      sampleInt: SAMPLE_MS // autocannon ends only at the end of a sample
    }, (error: Error | null, result) => { if (error === null) resolve(result); else reject(error) })
      // autocannon's own percentiles are whole milliseconds.
      .on('response', (_client, _status, _bytes, ms) => latencies.push(ms))
  })
  if (result['2xx'] !== requests) {
    throw new Error(`${server.name} answered only ${result['2xx']} of ${requests} requests for ${path} with a 2xx; ` +
      `${result.errors} connections failed`)
  }
  return latencies.sort((a, b) => a - b)
}

/** The cost of a request under load. */
export interface Cost {
  /** CPU time in microseconds: the mean of all requests */
  cpu: number
  /** milliseconds */
  p50: number
  /** milliseconds */
  p99: number
}

/** Sends requests and measures their cost. */
export async function costOf (server: Server, path: string, size: LoadSize): Promise<Cost> {
  const before = server.cpuSeconds()
  const latencies = await load(server, path, size)
  const cpu = (server.cpuSeconds() - before) / size.requests * 1e6
  const percentile = (share: number) => latencies[Math.ceil(latencies.length * share) - 1] ?? NaN
  return { cpu, p50: percentile(0.5), p99: percentile(0.99) }
}

/** The peak of the resident memory until a promise resolves, in MiB. */
export async function peakMebibytes (server: Server, meanwhile: Promise<unknown>): Promise<number> {
  const done = meanwhile.then(() => true)
  let peak = 0
  do peak = Math.max(peak, server.rssMebibytes())
  while (!await Promise.race([done, sleep(SAMPLE_MS, false)]) && !server.hasEnded)
  await done
  return peak
}

/**
 * The answer of a server to a GET request.
 *
 * @throws {Error} if its status is not 200
 */
export async function answerOf (server: Server, path: string): Promise<Answer> {
  const [response] = await once(get({ host: HOST, port: server.port, path }), 'response') as [IncomingMessage]
  const body = await text(response)
  const { statusCode } = response
  if (statusCode !== 200) throw new Error(`${server.name} answered ${path} with ${statusCode}: ${body}`)
  const headers: Record<string, string> = {}
  for (let i = 0; i < response.rawHeaders.length; i += 2) {
    headers[response.rawHeaders[i] as string] = response.rawHeaders[i + 1] as string
  }
  const { Date: _date, Connection: _connection, 'Keep-Alive': keepAlive = '', ...own } = headers
  return { headers: own, keepAliveMs: Number(/timeout=(\d+)/.exec(keepAlive)?.[1]) * 1000, body }
}

/**
 * Reads the CPU time, in seconds.
 *
 * @param stat the content of /proc/PID/stat
 */
export function cpuSecondsIn (stat: string): number {
  // The second field is the command in parentheses, which can contain spaces and parentheses. The third field follows
  // the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [utime, stime, cutime, cstime] = fields.slice(11).map(Number) as [number, number, number, number]
  return (utime + stime + cutime + cstime) / TICKS_PER_SECOND
}

/**
 * Reads the resident memory, in MiB.
 *
 * @param status the content of /proc/PID/status
 * @param field its value now, or the highest value so far
 */
export function rssMebibytesIn (status: string, field: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024
}

/** The median: for an even number of values, the mean of the middle two. NaN if there are no values. */
export function median (values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2
}

/** Whether a server on this machine answers a GET request with a 200. */
export async function isOk (port: number, path: string): Promise<boolean> {
  try {
    const call = get({ host: HOST, port, path, agent: false })
    const [response] = await once(call, 'response') as [IncomingMessage]
    response.resume()
    return response.statusCode === 200
  } catch {
    return false // not listening yet
  }
}

/** A port on which no process listens. */
export async function freePort (): Promise<number> {
  const server = createServer().listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
