import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BUILT, imageOf } from '../../../companion/src/cluster/images.ts'
import { ROOT, SERVICES } from '../../../../scripts/project.ts'
import { Missing } from '../contenders.ts'
import type { Measured } from '../table.ts'

/** How much each image adds to the image of Node that it is based on. */
export async function imageRows (): Promise<Measured[]> {
  const [, base = ''] = /^ARG BASE_IMAGE=(\S+)$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')) ?? []
  const baseBytes = bytesOf(base)
  return SERVICES.map(service => {
    const bytes = bytesOf(imageOf(BUILT, service))
    return {
      what: `image, ${service}, over its base`,
      unit: 'MB',
      value: (bytes - baseBytes) / 1e6,
      target: 30,
      note: `${(bytes / 1e6).toFixed(0)} MB, ${base} ${(baseBytes / 1e6).toFixed(0)} MB`
    }
  })
}

/** @throws {Missing} if there is no Docker, or no such image */
function bytesOf (image: string): number {
  try {
    const args = ['image', 'inspect', '--format', '{{.Size}}', image]
    return Number(execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }))
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new Missing(isMissing ? 'Docker is not installed' : `Docker has no image ${image}: run npm run images first`)
  }
}
