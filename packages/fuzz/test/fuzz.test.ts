// A short form of `npm run fuzz`, without Schemathesis. `npm run fuzz` sends many more requests.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { checkOperation } from '../src/cases.ts'
import { attackWith, HOSTILE_CLIENTS } from '../src/clients.ts'
import { operationsOf } from '../src/document.ts'
import { complaintsAbout, reset, startTargets, type Running, type Target } from '../src/target.ts'
import { HOSTILE_UPSTREAMS, startWithHostileUpstreams, type AttackedWebapp } from '../src/upstreams.ts'

const SEED = 20231
// Each attack has its own limits. These are only for an attack that hangs: a busy machine needs minutes for some.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 180_000 })

let store: Running
beforeAll(async () => { store = await startTargets() })
afterAll(async () => {
  await store.stop()
  expect(store.complaints).toEqual([])
})

describe.each(['webapp', 'catalog-v2', 'forum'])('%s', name => {
  let target: Target
  beforeAll(() => { target = store.targets.find(({ name: one }) => one === name) as Target })

  test.each(HOSTILE_CLIENTS)('still answers after a client that $name', async client => {
    expect(await attackWith(client, target, { seed: SEED, share: 0.02 })).toEqual([])
  })

  test('answers as its OpenAPI document says, and never with an unintended 5xx', async () => {
    for (const operation of await operationsOf(target.port)) {
      const runs = operation.path.startsWith('/api/chaos') ? 3 : 25 // each of those calls forty times to find a pod
      await checkOperation(target.port, operation, { seed: SEED, runs })
    }
    await reset(target)
    expect(await complaintsAbout(target)).toEqual([])
  })
})

describe('a webapp with hostile upstreams', () => {
  let webapp: AttackedWebapp
  beforeAll(async () => { webapp = await startWithHostileUpstreams() })
  afterAll(async () => {
    await webapp.stop()
    expect(webapp.complaints).toEqual([])
  })

  test.each(Object.keys(HOSTILE_UPSTREAMS))('answers while an upstream %s, and afterwards', async name => {
    expect(await webapp.attackWith(name)).toEqual([])
  })
})
