import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { Durations } from './e2e/durations.ts'

const pathOf = (name: string) => `e2e/${name}.test.ts`

/** Files that measure. Two at a time leave the machine quiet enough, and each has a gateway of its own. */
const MEASURING = ['course', 'gateway-api'].map(pathOf)

/**
 * Files that need the cluster for themselves: they use all cores, or they change what the others use, such as the
 * gateway.
 */
const ALONE = ['controls', 'gateways', 'beside-gateway', 'restarts', 'busy'].map(pathOf)

/** The slowest of the other files. They begin first, so that none of them runs on when all others have ended. */
const SLOWEST = ['restore', 'interrupted', 'created', 'book-files'].map(pathOf)

class SlowestFirst extends BaseSequencer {
  override async sort (files: TestSpecification[]): Promise<TestSpecification[]> {
    const isSlow = ({ moduleId }: TestSpecification) => SLOWEST.some(path => moduleId.endsWith(`/${path}`))
    const sorted = await super.sort(files)
    return [...sorted.filter(isSlow), ...sorted.filter(file => !isSlow(file))]
  }
}

const options = { testTimeout: 600_000, hookTimeout: 600_000 }

// First all files that do not need the cluster for themselves, side by side: each has its own namespaces, and its own
// host at the gateway.
export default defineConfig({
  test: {
    reporters: [
      'verbose', ['json', { outputFile: '.reports/vitest.json' }], new Durations('.reports/durations.txt')
    ],
    sequence: { sequencer: SlowestFirst },
    projects: [
      {
        test: {
          ...options,
          name: 'side by side',
          include: ['e2e/**/*.test.ts'],
          exclude: [...MEASURING, ...ALONE],
          maxWorkers: 2,
          sequence: { groupOrder: 0 }
        }
      },
      { test: { ...options, name: 'measuring', include: MEASURING, maxWorkers: 2, sequence: { groupOrder: 1 } } },
      { test: { ...options, name: 'alone', include: ALONE, fileParallelism: false, sequence: { groupOrder: 2 } } }
    ]
  }
})
