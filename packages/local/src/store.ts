import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROOT } from '../../../scripts/project.ts'
import { environmentOf, HOST, type StoreProcess } from './processes.ts'

// fetch, and also an import of node:http, would load all of undici and slow down the start of the store.
const { get } = process.getBuiltinModule('node:http')

const READY_LIMIT_MS = 30_000

/** How one of the store's processes ended. */
export interface End {
  name: string
  code: number | null
  signal: NodeJS.Signals | null
}

/** Processes that start together and end together. */
export class Store {
  readonly #children = new Map<string, ChildProcess>()
  readonly #processes: StoreProcess[]
  /** Resolves when the first process has ended, for any reason. */
  readonly firstEnd: Promise<End>

  /** @param onLine gets every line that a process prints, with the process's name */
  constructor (processes: StoreProcess[], onLine: (name: string, line: string) => void) {
    this.#processes = processes
    this.firstEnd = new Promise(resolve => {
      for (const process of processes) {
        const child = spawn('node', [process.script], {
          cwd: ROOT,
          env: environmentOf(process),
          stdio: ['ignore', 'pipe', 'pipe'],
          // Its own process group: Ctrl-C then reaches only the command `npm start`, which ends its processes properly.
          detached: true
        })
        this.#children.set(process.name, child)
        for (const stream of [child.stdout, child.stderr] as Readable[]) {
          createInterface(stream).on('line', line => onLine(process.name, line))
        }
        child.once('error', () => resolve({ name: process.name, code: null, signal: null }))
        child.once('close', (code, signal) => {
          this.#children.delete(process.name)
          resolve({ name: process.name, code, signal })
        })
      }
    })
  }

  /**
   * Waits until every process says that it is ready.
   *
   * @throws {Error} if a process is not ready within half a minute
   */
  async waitUntilReady (): Promise<void> {
    const deadline = AbortSignal.timeout(READY_LIMIT_MS)
    await Promise.all(this.#processes.map(async ({ name, port }) => {
      while (!await isReady(`http://${HOST}:${port}/readyz`)) {
        if (deadline.aborted) throw new Error(`${name} was not ready within ${READY_LIMIT_MS / 1000} s`)
        await sleep(50)
      }
    }))
  }

  /** Sends a signal to every process, and waits until all of them have ended. */
  async stop (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await Promise.all([...this.#children.values()].map(child => new Promise<void>(resolve => {
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
