// npm run e2e: builds the images, puts them into the cluster of the current kubectl context, and runs the end-to-end tests there.
import { spawnSync } from 'node:child_process'

const npm = (...args: string[]) => spawnSync('npm', args, { stdio: 'inherit' }).status ?? 1

process.exitCode = npm('run', '--silent', 'images', '--', '--load') || npm('run', '--silent', 'e2e', '--workspace', 'packages/companion')
