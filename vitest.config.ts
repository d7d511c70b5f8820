import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

// Each workspace's tests run from its own folder. The JSON report is what .ci/run counts.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', ['json', { outputFile: '.reports/vitest.json' }]],
    // Generous, so that no test fails only because the machine is busy.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    // Node keeps the TypeScript that it has compiled, so processes that the tests start need less time.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/node') }
  }
})
