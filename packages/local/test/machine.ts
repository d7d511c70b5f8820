// What the tests need of this machine.
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { delimiter, sep } from 'node:path'
import { HOST, portsFrom, type Ports } from '../src/processes.ts'

/** Ports that are free now. All are held at the same time, so that no two are the same. */
export async function freePorts (count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, HOST))
  await Promise.all(servers.map(server => once(server, 'listening')))
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  return ports
}

/** Free ports for the processes of the store. */
export async function freeStorePorts (): Promise<Ports> {
  const names = Object.keys(portsFrom({}))
  const ports = await freePorts(names.length)
  return Object.fromEntries(names.map((name, index) => [name, ports[index]])) as Ports
}

/** The environment of a person at this machine: without the Node and the tools that this project puts first on the PATH. */
export function machineEnv (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const path = (process.env['PATH'] ?? '').split(delimiter)
    .filter(folder => !folder.includes(`${sep}node_modules${sep}`) && !folder.includes(`${sep}.node${sep}`))
  return { ...process.env, PATH: path.join(delimiter), ...more }
}
