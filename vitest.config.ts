import { defineConfig } from 'vitest/config'

// Each workspace's tests run from its own folder. The JSON report is what .ci/run counts.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', ['json', { outputFile: '.reports/vitest.json' }]],
    testTimeout: 30_000
  }
})
