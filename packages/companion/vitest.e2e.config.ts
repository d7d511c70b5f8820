import { defineConfig } from 'vitest/config'
import { Durations } from './e2e/durations.ts'

const OPTIONS = { testTimeout: 600_000, hookTimeout: 600_000 }

/**
 * Files that need the cluster for themselves: they measure, they use all cores, or they change what the others use,
 * such as the gateway.
 */
const ALONE = ['course', 'controls', 'gateway-api', 'gateways', 'beside-gateway', 'restarts', 'busy']
  .map(name => `e2e/${name}.test.ts`)

// First the other files, side by side: each has its own namespaces, and its own host at the gateway.
export default defineConfig({
  test: {
    reporters: [
      'verbose', ['json', { outputFile: '.reports/vitest.json' }], new Durations('.reports/durations.txt')
    ],
    projects: [
      {
        test: {
          ...OPTIONS,
          name: 'side by side',
          include: ['e2e/**/*.test.ts'],
          exclude: ALONE,
          maxWorkers: 3,
          sequence: { groupOrder: 0 }
        }
      },
      { test: { ...OPTIONS, name: 'alone', include: ALONE, fileParallelism: false, sequence: { groupOrder: 1 } } }
    ]
  }
})
