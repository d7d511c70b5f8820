// npm run e2e: builds the images, puts them into the cluster of the current kubectl context, and runs the end-to-end
// tests there. With OUTFITTERS_IMAGES the cluster pulls them from there.
import { spawnSync } from 'node:child_process'
import { configuredSource, textOf, type Source } from '../packages/companion/src/images.ts'
import { SERVICES } from './project.ts'

const npm = (...args: string[]) => spawnSync('npm', args, { stdio: 'inherit' }).status ?? 1

process.exitCode = images() || npm('run', '--silent', 'e2e', '--workspace', 'packages/companion')

function images (): number {
  let source: Source | undefined
  try {
    source = configuredSource()
  } catch (error) {
    console.error((error as Error).message)
    return 2
  }
  if (source === undefined) return npm('run', '--silent', 'images', '--', '--load')
  console.log(`The cluster pulls ${SERVICES.join(', ')} from ${textOf(source)}; nothing is built.`)
  return 0
}
