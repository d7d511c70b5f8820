// What several scripts and tests need to know about this project: its root folder, its services and their ports.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root folder of the project, with a slash at the end. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url))

const manifestOf = (service: string) => join(ROOT, 'services', service, 'package.json')

/** The names of the services: the folders of services/. */
export const SERVICES = readdirSync(join(ROOT, 'services')).filter(name => existsSync(manifestOf(name))).sort()

/** The port that each service listens on in its pod: `outfitters.port` in its package.json. NaN if that is missing. */
export const PORTS: Record<string, number> = Object.fromEntries(SERVICES.map(name => {
  const { outfitters } = JSON.parse(readFileSync(manifestOf(name), 'utf8')) as { outfitters?: { port?: number } }
  return [name, outfitters?.port ?? NaN]
}))
