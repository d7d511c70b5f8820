// npm run e2e: builds the images, loads them into the cluster of the current kubectl context, and runs the end-to-end
// tests there. If OUTFITTERS_IMAGES is set, it builds nothing, and the cluster pulls those images.
import { spawnSync } from 'node:child_process'
import { configuredSource, textOf, type Source } from '../packages/companion/src/cluster/images.ts'
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
  console.log(`The cluster pulls the images of ${SERVICES.join(', ')} from ${textOf(source)}. None is built here.`)
  return 0
}
