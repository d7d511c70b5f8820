import { afterEach, expect, test, vi } from 'vitest'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { clockOffset } from '../src/cluster/preflight.ts'
import { answering } from './fake-kubectl.ts'

afterEach(() => { vi.useRealTimers() })

test.each([
  ['20 s behind', '2026-01-01T11:59:40Z', { least: -20_400, most: -19_400 }],
  ['20 s ahead', '2026-01-01T12:00:20Z', { least: 19_600, most: 20_600 }],
  ['the same to a second', '2026-01-01T12:00:00Z', { least: 0, most: 0 }],
  ['not told', '', { least: 0, most: 0 }]
])('the offset of a clock that is %s', async (_, stdout, ahead) => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-01-01T12:00:00.400Z') })
  const execute = answering([/create configmap/, { stdout }])
  expect(await clockOffset(new Kubectl('shop', { execute }))).toEqual(ahead)
})
