import { defineConfig } from 'vitest/config'

// One file after the other: they share a cluster, and some of them measure.
export default defineConfig({
  test: {
    include: ['e2e/**/*.test.ts'],
    fileParallelism: false,
    reporters: ['verbose', ['json', { outputFile: '.reports/vitest.json' }]],
    testTimeout: 600_000,
    hookTimeout: 600_000
  }
})
