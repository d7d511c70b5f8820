import { defineConfig } from 'vitest/config'
import base from '../../vitest.config.ts'

/** A mock of a module works only in a process in which no other file has imported that module. */
const WITH_MOCKS = ['test/gateway-access.test.ts']

const { include = [], reporters, ...options } = base.test ?? {}

// The other files share their modules in each process. Loading them again for each file would take a third of the time.
export default defineConfig({
  test: {
    reporters: reporters ?? [],
    projects: [
      { test: { ...options, name: 'shared', include, exclude: WITH_MOCKS, isolate: false } },
      { test: { ...options, name: 'isolated', include: WITH_MOCKS } }
    ]
  }
})
