import { expect, test } from 'vitest'
import { istiodTrouble } from '../src/cluster/control-plane.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'

const SINCE = Date.parse('2026-01-01T12:00:00.500Z')
const RESTARTED = 'istiod restarted during the exercise (pod istiod-1)'
const CLOCK = { least: 0, most: 0 }

const troubleWith = (status: object, clock = CLOCK) => {
  const stdout = JSON.stringify({ items: [{ metadata: { name: 'istiod-1' }, status }] })
  return istiodTrouble(new Kubectl('shop', { execute: async () => ({ code: 0, stdout, stderr: '' }) }), SINCE, clock)
}
const status = (startedAt: string, lastTransitionTime = '2026-01-01T10:00:00Z', ready = 'True') => ({
  conditions: [{ type: 'Ready', status: ready, lastTransitionTime }],
  containerStatuses: [{ state: { running: { startedAt } } }]
})

test.each([
  ['it has been running for a long time', status('2026-01-01T10:00:00Z'), undefined],
  ['it has started since', status('2026-01-01T12:00:03Z'), RESTARTED],
  ['it has started in the same second', status('2026-01-01T12:00:00Z'), RESTARTED],
  ['it was not ready for a while', status('2026-01-01T10:00:00Z', '2026-01-01T12:00:09Z'), RESTARTED],
  ['it is not ready', status('2026-01-01T10:00:00Z', '2026-01-01T11:00:00Z', 'False'),
    'istiod is not ready (pod istiod-1)'],
  ['its status is empty', {}, undefined]
])('istiod: %s', async (_what, given, trouble) => {
  expect(await troubleWith(given)).toBe(trouble)
})

test('the times of a cluster whose clock is ahead are compared by that clock', async () => {
  const hourAhead = { least: 3_600_000, most: 3_601_000 }
  expect(await troubleWith(status('2026-01-01T12:59:00Z'), hourAhead)).toBeUndefined()
  expect(await troubleWith(status('2026-01-01T13:00:03Z'), hourAhead)).toMatch(/^istiod restarted/)
})

test('no trouble is reported to a user who may not see istiod', async () => {
  const execute = async () => ({ code: 1, stdout: '', stderr: 'Forbidden' })
  expect(await istiodTrouble(new Kubectl('shop', { execute }), SINCE, CLOCK)).toBeUndefined()
})

test('a change that istiod did not check is sent again, and other errors are reported at once', async () => {
  const stderr = 'Error: failed calling webhook "validation.istio.io": connection refused'
  const results = [{ code: 1, stdout: '', stderr }, { code: 0, stdout: 'applied', stderr: '' }]
  const execute = async () => results.shift() ?? { code: 1, stdout: '', stderr: 'not found' }
  const kubectl = new Kubectl('shop', { execute })
  expect(await kubectl.run(['apply', '-f', 'x.yaml'])).toBe('applied')
  await expect(kubectl.run(['apply', '-f', 'x.yaml'])).rejects.toThrow('not found')
})
