// The packages that run in production, without development tools, and the licenses that they may have.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { neededBy } from './install.mjs'
import { ROOT, SERVICES } from './project.ts'

/** A package that a workspace needs to run. */
export interface ProductionPackage {
  name: string
  version: string
  /** an SPDX expression, such as `MIT`; undefined if the package names no license */
  license?: string
}

const { packages: LOCKED } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, ProductionPackage & { link?: boolean }>
}

/** The workspaces whose packages the Dockerfile installs in the images. */
export const WORKSPACES_OF_IMAGES = ['packages/local', ...SERVICES.map(name => `services/${name}`)]

/** All workspaces of the project. */
export const WORKSPACES = Object.keys(LOCKED).filter(place => /^(packages|services)\/[^/]+$/.test(place))

/** The packages of others that the workspaces need to run, sorted by name and version. Each version is listed once. */
export function productionPackages (workspaces: string[]): ProductionPackage[] {
  const packages = new Map<string, ProductionPackage>()
  for (const place of neededBy(LOCKED, workspaces)) {
    const { version, license, link } = LOCKED[place] as typeof LOCKED[string]
    const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length)
    if (link !== true) packages.set(`${name}@${version}`, { name, version, ...(license !== undefined && { license }) })
  }
  return [...packages.entries()].sort(([one], [other]) => one < other ? -1 : 1).map(([, value]) => value)
}

/** Licenses that let everybody use, change and pass on the code, and ask for little more than a notice. */
export const ALLOWED_LICENSES =
  ['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'Zlib']

/**
 * Whether the licenses of an SPDX expression are allowed: all that `AND` joins, or one that `OR` joins. Expressions in
 * which parentheses group a part are not understood, and not allowed.
 */
export function isAllowedLicense (expression = ''): boolean {
  const whole = expression.replace(/^\(([^()]*)\)$/, '$1')
  return whole.split(' OR ').some(choice => choice.split(' AND ').every(name => ALLOWED_LICENSES.includes(name)))
}
