// The parts of this machine that the tests use: free ports, and the user's environment.
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { delimiter, sep } from 'node:path'
import { HOST, portsFrom, type Ports } from '../src/processes.ts'

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

/** The environment of a user of this machine: its PATH does not have the Node and the tools of this project. */
export function machineEnv (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const path = (process.env['PATH'] ?? '').split(delimiter)
    .filter(folder => !folder.includes(`${sep}node_modules${sep}`) && !folder.includes(`${sep}.node${sep}`))
  return { ...process.env, PATH: path.join(delimiter), ...more }
}
