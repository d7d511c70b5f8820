// What the tests need of this machine.
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { delimiter, sep } from 'node:path'
import { HOST, type Ports } from '../src/processes.ts'

/** Ports that are free now. All are held at the same time, so that no two are the same. */
export async function freePorts (): Promise<Ports> {
  const names = ['catalog-v1', 'catalog-v2', 'catalog', 'forum', 'webapp'] as const
  const servers = names.map(() => createServer().listen(0, HOST))
  await Promise.all(servers.map(server => once(server, 'listening')))
  const found = Object.fromEntries(names.map((name, index) => [name, (servers[index]?.address() as AddressInfo).port])) as Ports
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  return found
}

/** The environment of a person at this machine: without the Node and the tools that this project puts first on the PATH. */
export function machineEnv (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const path = (process.env['PATH'] ?? '').split(delimiter)
    .filter(folder => !folder.includes(`${sep}node_modules${sep}`) && !folder.includes(`${sep}.node${sep}`))
  return { ...process.env, PATH: path.join(delimiter), ...more }
}
