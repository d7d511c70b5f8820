import { expect, test } from 'vitest'
import { istiodTrouble } from '../src/cluster/control-plane.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'

const SINCE = Date.parse('2026-01-01T12:00:00.500Z')
const CLOCK = { least: 0, most: 0 }
const RESTARTED = 'istiod restarted during the exercise (pod istiod-1)'

const troubleWith = (statuses: object[], { clock = CLOCK, wasSeen = true } = {}) => {
  const items = statuses.map((status, index) => ({ metadata: { name: `istiod-${index + 1}` }, status }))
  const execute = async () => ({ code: 0, stdout: JSON.stringify({ items }), stderr: '' })
  return istiodTrouble(new Kubectl('shop', { execute }), { since: SINCE, clock, wasSeen })
}
const pod = (startedAt: string, lastTransitionTime = '2026-01-01T10:00:00Z', ready = 'True') => ({
  phase: 'Running',
  conditions: [{ type: 'Ready', status: ready, lastTransitionTime }],
  containerStatuses: [{ state: { running: { startedAt } } }]
})
const OLD = pod('2026-01-01T10:00:00Z')
const NEW = pod('2026-01-01T12:00:03Z')

test.each<[string, object[], string | undefined]>([
  ['it has been running for a long time', [OLD], undefined],
  ['it has started since', [NEW], RESTARTED],
  ['it has started in the same second', [pod('2026-01-01T12:00:00Z')], RESTARTED],
  ['it was not ready for a while', [pod('2026-01-01T10:00:00Z', '2026-01-01T12:00:09Z')], RESTARTED],
  ['it is not ready', [pod('2026-01-01T10:00:00Z', '2026-01-01T11:00:00Z', 'False')], RESTARTED],
  ['its new pod has no node yet', [{ phase: 'Pending' }], RESTARTED],
  ['it is gone', [], 'istiod is gone'],
  ['one of two has started since', [NEW, OLD], undefined],
  ['a pod of last week was evicted', [{ phase: 'Failed' }, OLD], undefined]
])('istiod: %s', async (_what, statuses, trouble) => {
  expect(await troubleWith(statuses)).toBe(trouble)
})

test('an istiod outside the cluster is no trouble', async () => {
  expect(await troubleWith([], { wasSeen: false })).toBeUndefined()
})

test('the times of a cluster whose clock is ahead are compared by that clock', async () => {
  const clock = { least: 3_600_000, most: 3_601_000 }
  expect(await troubleWith([pod('2026-01-01T12:59:00Z')], { clock })).toBeUndefined()
  expect(await troubleWith([pod('2026-01-01T13:00:03Z')], { clock })).toBe(RESTARTED)
})

test('no trouble is reported to a user who may not see istiod', async () => {
  const execute = async () => ({ code: 1, stdout: '', stderr: 'Forbidden' })
  const kubectl = new Kubectl('shop', { execute })
  expect(await istiodTrouble(kubectl, { since: SINCE, clock: CLOCK, wasSeen: true })).toBeUndefined()
})

test('a change that istiod did not check is sent again, and other errors are reported at once', async () => {
  const stderr = 'Error: failed calling webhook "validation.istio.io": connection refused'
  const results = [{ code: 1, stdout: '', stderr }, { code: 0, stdout: 'applied', stderr: '' }]
  const execute = async () => results.shift() ?? { code: 1, stdout: '', stderr: 'not found' }
  const kubectl = new Kubectl('shop', { execute })
  expect(await kubectl.run(['apply', '-f', 'x.yaml'])).toBe('applied')
  await expect(kubectl.run(['apply', '-f', 'x.yaml'])).rejects.toThrow('not found')
})
