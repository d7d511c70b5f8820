import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROOT } from '../../../scripts/project.ts'
import { environmentOf, HOST, type StoreProcess } from './processes.ts'

// fetch, and also an import of node:http, would load all of undici and slow down the start of the store.
const { get } = process.getBuiltinModule('node:http')

/** Generous, because a busy machine starts processes slowly. A process that fails to start ends before this limit. */
const READY_LIMIT_MS = 120_000

/** How one of the store's processes ended. */
export interface End {
  name: string
  code: number | null
  signal: NodeJS.Signals | null
}

/** How a process ended, as in `catalog-v1 ended (SIGKILL)`. */
export function endInWords ({ name, code, signal }: End): string {
  return `${name} ended (${signal ?? `exit code ${code}`})`
}

/** What a store reports about its processes. */
export interface StoreListeners {
  /** gets every line that a process prints */
  onLine: (name: string, line: string) => void
  /** called when a process has ended, except after `stop` */
  onEnd: (end: End) => void
}

/** Processes that start together and end together. In between, each can be killed and started again. */
export class Store {
  readonly #processes: StoreProcess[]
  readonly #listeners: StoreListeners
  readonly #running = new Map<string, ChildProcess>()
  #isStopping = false

  constructor (processes: StoreProcess[], listeners: StoreListeners) {
    this.#processes = processes
    this.#listeners = listeners
    for (const { name } of processes) this.start(name)
  }

  /** The names of all processes, whether they run or not. */
  get names (): string[] {
    return this.#processes.map(({ name }) => name)
  }

  /** Starts a process. Returns false if it is already running, or if there is no such process. */
  start (name: string): boolean {
    const process = this.#processes.find(process => process.name === name)
    if (process === undefined || this.#running.has(name)) return false
    const child = spawn('node', [process.script], {
      cwd: ROOT,
      env: environmentOf(process),
      stdio: ['ignore', 'pipe', 'pipe'],
      // Its own process group: Ctrl-C then reaches only the command `npm start`, which ends its processes properly.
      detached: true
    })
    this.#running.set(name, child)
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', line => this.#listeners.onLine(name, line))
    }
    const onEnd = (code: number | null, signal: NodeJS.Signals | null) => {
      if (!this.#running.delete(name) || this.#isStopping) return
      this.#listeners.onEnd({ name, code, signal })
    }
    child.once('error', () => onEnd(null, null)).once('close', onEnd)
    return true
  }

  /** Kills a process, as when a pod dies: it cannot finish its requests. Returns false if it is not running. */
  kill (name: string): boolean {
    return this.#running.get(name)?.kill('SIGKILL') ?? false
  }

  /**
   * Waits until every process says that it is ready, or the store stops.
   *
   * @throws {Error} if a process is not ready within two minutes
   */
  async waitUntilReady (): Promise<void> {
    const deadline = AbortSignal.timeout(READY_LIMIT_MS)
    await Promise.all(this.#processes.map(async ({ name, port }) => {
      while (!this.#isStopping && !await isReady(`http://${HOST}:${port}/readyz`)) {
        if (deadline.aborted) throw new Error(`${name} was not ready within ${READY_LIMIT_MS / 1000} s`)
        await sleep(50)
      }
    }))
  }

  /** Sends a signal to every process, and waits until all of them have ended. */
  async stop (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#isStopping = true
    await Promise.all([...this.#running.values()].map(child => new Promise<void>(resolve => {
      child.once('close', () => resolve())
      child.kill(signal)
    })))
  }
}

function isReady (url: string): Promise<boolean> {
  return new Promise(resolve => {
    get(url, response => {
      response.resume()
      resolve(response.statusCode === 200)
    }).on('error', () => resolve(false))
  })
}
