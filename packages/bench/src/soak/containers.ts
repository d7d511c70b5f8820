import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { BUILT, imageOf } from '../../../companion/src/cluster/images.ts'
import { Missing } from '../contenders.ts'
import { freePort, HOST, isOk, rssMebibytesIn } from '../measure.ts'
import { LIMIT_MEBIBYTES } from '../rows/memory.ts'

const READY_LIMIT_MS = 60_000
const POLL_MS = 100

const running = new Set<Container>()
process.on('exit', () => { for (const container of running) container.remove() })

/** A service in a container with the memory limit, the file system and the rights that the manifests give it. */
export class Container {
  readonly service: string
  readonly port: number
  readonly #name: string

  private constructor (service: string, port: number, env: Record<string, string>) {
    this.service = service
    this.port = port
    this.#name = `outfitters-soak-${service}-${port}`
    const memory = `${LIMIT_MEBIBYTES}m`
    const variables = { HOST, PORT: String(port), CHAOS_ACCESS: 'any', ...env }
    docker('run', '--detach', '--name', this.#name, '--network', 'host', '--memory', memory, '--memory-swap', memory,
      '--read-only', '--cap-drop', 'ALL',
      ...Object.entries(variables).flatMap(([variable, value]) => ['--env', `${variable}=${value}`]),
      imageOf(BUILT, service))
    running.add(this)
  }

  /**
   * Starts a container and waits until it is ready.
   *
   * @throws {Missing} if there is no Docker, or no image
   */
  static async start (service: string, env: Record<string, string> = {}): Promise<Container> {
    const container = new Container(service, await freePort(), env)
    const end = performance.now() + READY_LIMIT_MS
    while (!await isOk(container.port, '/readyz')) {
      if (performance.now() > end) throw new Error(`${service} did not become ready`)
      await sleep(POLL_MS)
    }
    return container
  }

  /** The memory of its process, in MiB: now, and the most since its start. NaN if it has ended. */
  memory (): { now: number, most: number } {
    try {
      const status = docker('exec', this.#name, 'cat', '/proc/1/status')
      return { now: rssMebibytesIn(status), most: rssMebibytesIn(status, 'VmHWM') }
    } catch {
      return { now: NaN, most: NaN }
    }
  }

  /** Why the container has ended; undefined if it runs. */
  end (): string | undefined {
    const format = '{{.State.Running}} {{.State.OOMKilled}} {{.State.ExitCode}}'
    const [isRunning, wasKilled, code] = docker('inspect', '--format', format, this.#name).trim().split(' ')
    if (isRunning === 'true') return undefined
    return wasKilled === 'true' ? 'killed, out of memory' : `exit code ${code}`
  }

  /** Ends it and removes it. */
  remove (): void {
    running.delete(this)
    docker('rm', '--force', '--volumes', this.#name)
  }

  [Symbol.dispose] (): void {
    this.remove()
  }
}

function docker (...args: string[]): string {
  try {
    return execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    const { code, message, stderr = '' } = error as NodeJS.ErrnoException & { stderr?: string }
    if (code === 'ENOENT') throw new Missing('Docker is not installed')
    if (/Cannot connect to the Docker daemon/.test(stderr)) throw new Missing('Docker is not running')
    if (/No such image|pull access denied/.test(stderr)) {
      throw new Missing(`Docker has no such image: run npm run images first. Docker says: ${stderr.trim()}`)
    }
    throw new Error(message)
  }
}
