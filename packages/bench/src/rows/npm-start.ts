import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROOT } from '../../../../scripts/project.ts'
import { freePort, isOk, median, SCRATCH } from '../measure.ts'
import { SIZE } from '../options.ts'
import type { Measured } from '../table.ts'
import { spreadOf } from '../turns.ts'

const POLL_MS = 20
const LIMIT_MS = 180_000
const VARIABLES = ['WEBAPP_PORT', 'CATALOG_PORT', 'CATALOG_V1_PORT', 'CATALOG_V2_PORT', 'FORUM_PORT']

/** `npm start` in a clean clone of the last commit: the first time, the next times, and the size of its packages. */
export async function npmStartRows (): Promise<Measured[]> {
  const clone = join(SCRATCH, 'clone')
  const fresh = () => {
    rmSync(clone, { recursive: true, force: true })
    execFileSync('git', ['clone', '--quiet', ROOT, clone])
  }
  fresh()
  await secondsToFirstAnswer(clone) // fills the package cache
  fresh()
  const first = await secondsToFirstAnswer(clone)
  const next: number[] = []
  for (let round = 0; round < SIZE.starts; round++) next.push(await secondsToFirstAnswer(clone))
  const bytes = bytesIn(join(clone, 'node_modules')) + bytesIn(join(clone, '.node'))
  return [
    { what: 'npm start in a clean clone, to the first answer', unit: 's', value: first, target: 20 },
    {
      what: 'npm start the next time, to the first answer',
      unit: 's',
      value: median(next),
      spread: spreadOf(next),
      target: 1.5
    },
    { what: 'installed by npm start', unit: 'MB', value: bytes / 1e6, note: 'Node included, if npm installs it' }
  ]
}

/** Runs `npm start` until the webapp answers with the catalog's items, then ends it as Ctrl-C does. */
async function secondsToFirstAnswer (folder: string): Promise<number> {
  const ports = Object.fromEntries(await Promise.all(VARIABLES.map(async name => [name, String(await freePort())])))
  const { PATH = '', HOME = '' } = process.env
  const started = performance.now()
  const npm = spawn('npm', ['start'], {
    cwd: folder,
    env: { PATH: withoutModules(PATH), HOME, LOG_LEVEL: 'error', ...ports },
    stdio: 'ignore',
    detached: true // its own process group, which then gets the signal
  })
  const ended = once(npm, 'exit')
  const interrupt = () => { if (npm.pid !== undefined && npm.exitCode === null) process.kill(-npm.pid, 'SIGINT') }
  process.once('exit', interrupt)
  try {
    while (!await isOk(Number(ports['WEBAPP_PORT']), '/api/catalog')) {
      if (npm.exitCode !== null) throw new Error(`npm start ended with ${npm.exitCode}; run it in ${ROOT} to see why`)
      if (performance.now() - started > LIMIT_MS) throw new Error(`npm start gave no answer in ${LIMIT_MS / 1000} s`)
      await sleep(POLL_MS)
    }
    return (performance.now() - started) / 1000
  } finally {
    process.off('exit', interrupt)
    interrupt()
    await ended
  }
}

/** The PATH that the user has. `npm run` puts folders of this checkout in front, with the Node that a clone lacks. */
function withoutModules (path: string): string {
  return path.split(':').filter(folder => !folder.startsWith(ROOT) && !folder.includes('node_modules')).join(':')
}

function bytesIn (folder: string): number {
  let bytes = 0
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size
  }
  return bytes
}
