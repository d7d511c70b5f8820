// Runs a command of this project after making sure that what it needs is installed: `node scripts/installed.mjs COMMAND ARGUMENT…`.
// It runs on the machine's own Node, whatever its age, so there is nothing new in it. The command then finds Node 24
// and the tools in node_modules/.bin.
import { spawn } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const env = { ...process.env, DO_NOT_TRACK: '1', PATH: join(root, 'node_modules', '.bin') + delimiter + process.env.PATH }

if (!isInstalled()) {
  console.log('Installing what package-lock.json names (once) …')
  const code = await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  if (code !== 0) {
    console.error(`npm ci ended with ${code}: is a registry reachable, and is this Node ${process.version} 20 or newer?`)
    process.exit(code)
  }
}
const [command, ...args] = process.argv.slice(2)
process.exit(await run(command, args))

function isInstalled () {
  const installed = join(root, 'node_modules', '.package-lock.json')
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs
}

/** Its exit code. It ends before this process does: by a signal that comes here, or when npm, which handed on none, is gone. */
function run (command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: 'inherit' })
    process.on('SIGINT', () => {}) // Ctrl-C reaches the command as well
    process.on('SIGTERM', () => child.kill('SIGTERM'))
    process.on('SIGHUP', () => child.kill('SIGHUP'))

    const parent = process.ppid
    const watch = setInterval(() => {
      if (process.ppid === parent) return
      clearInterval(watch)
      child.kill('SIGTERM')
    }, 250)

    child.on('error', reject)
    child.on('exit', (code, signal) => {
      clearInterval(watch)
      resolve(signal === null ? code : 1)
    })
  })
}
