import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { HOST, portsFrom, type Ports } from './processes.ts'

/**
 * Whether another process listens on the port.
 *
 * @throws {NodeJS.ErrnoException} if this user may not listen on the port, for example because it is below 1024
 */
export function isTaken (port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => error.code === 'EADDRINUSE' ? resolve(true) : reject(error))
    server.listen(port, host, () => server.close(() => resolve(false)))
  })
}

/**
 * The process that listens on a port. Undefined if neither lsof nor ss shows it: they often hide the processes of other
 * users.
 */
export async function listenerOn (port: number): Promise<{ command: string, pid: number } | undefined> {
  const lsof = await outputOf('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'])
  const [, pid, command] = /^p(\d+)\nc(.*)$/m.exec(lsof) ?? []
  if (pid !== undefined && command !== undefined) return { command, pid: Number(pid) }
  const ss = await outputOf('ss', ['-Hltnp', `sport = :${port}`])
  const [, name, id] = /\(\("([^"]*)",pid=(\d+)/.exec(ss) ?? []
  return name === undefined ? undefined : { command: name, pid: Number(id) }
}

/** The output of a command. Empty if the command is missing or fails. */
async function outputOf (command: string, args: string[]): Promise<string> {
  try {
    return (await promisify(execFile)(command, args)).stdout
  } catch {
    return ''
  }
}

/** Finds free ports. It holds all of them at the same time, so that they are different. */
export async function freePorts (count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, HOST))
  await Promise.all(servers.map(server => once(server, 'listening')))
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  return ports
}

/** Finds free ports for the processes of the store. */
export async function freeStorePorts (): Promise<Ports> {
  const names = Object.keys(portsFrom({}))
  const ports = await freePorts(names.length)
  return Object.fromEntries(names.map((name, index) => [name, ports[index]])) as Ports
}
