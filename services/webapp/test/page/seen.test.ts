import { expect, test } from 'vitest'
import { outcomeOf } from '../../public/static/page/outcome.js'
import { Sightings } from '../../public/static/page/seen.js'

const FAILED = 'error calling Catalog service'
const answer = (version: string, pod = version, status = 200) => {
  const headers = new Headers({ 'x-served-by': pod, 'x-served-version': version })
  return outcomeOf({ status, headers, body: status === 200 ? '' : FAILED }, 1, 'Catalog')
}
const noCatalog = outcomeOf({ status: 500, headers: new Headers(), body: FAILED }, 1, 'Catalog')
const noWebapp = outcomeOf({ status: 503, headers: new Headers(), body: '' }, 1, 'Catalog')

test('before the first request there are no edges and no pods', () => {
  expect(new Sightings().edges(0)).toEqual([])
  expect(new Sightings().pods(0)).toEqual([])
})

test('edges show the caller, the service, the traffic, and the share of failures', () => {
  const seen = new Sightings()
  for (let i = 0; i < 20; i++) {
    const outcome = i % 2 === 0 ? answer('v2') : answer('v1', 'v1', i % 4 === 1 ? 500 : 200)
    seen.add('catalog', outcome, i * 500)
  }
  seen.add('forum', answer('v1', 'forum-1'), 9900)
  expect(seen.edges(10_000)).toEqual([
    { from: 'page', to: 'webapp', perSecond: 2.1, failed: 0 },
    { from: 'webapp', to: 'catalog v1', perSecond: 1, failed: 0.5 },
    { from: 'webapp', to: 'catalog v2', perSecond: 1, failed: 0 },
    { from: 'webapp', to: 'forum', perSecond: 0.1, failed: 0 }
  ].map(edge => ({ ...edge, perSecond: expect.closeTo(edge.perSecond, 0) })))
})

test('without an answer the version is unknown; an unreachable webapp is a failure of the page\'s edge', () => {
  const seen = new Sightings()
  seen.add('catalog', noCatalog, 0)
  seen.add('catalog', noWebapp, 500)
  expect(seen.edges(1000)).toEqual([
    { from: 'page', to: 'webapp', perSecond: 2, failed: 0.5 },
    { from: 'webapp', to: 'catalog ?', perSecond: 1, failed: 1 }
  ])
})

test('an edge has no traffic after ten seconds, and disappears after a minute', () => {
  const seen = new Sightings()
  seen.add('catalog', answer('v1'), 0)
  expect(seen.edges(20_000)).toContainEqual({ from: 'webapp', to: 'catalog v1', perSecond: 0, failed: 0 })
  expect(seen.edges(60_000)).toEqual([])
  expect(seen.pods(60_000)).toEqual([])
})

test('a pod that answered with its rules is listed, and a kept pod stays, even without answers to requests', () => {
  const seen = new Sightings()
  for (const name of ['forgotten', 'kept', 'reached']) seen.add('catalog', answer('v1', name), 0)
  const reached = seen.pods(1).find(({ pod }) => pod === 'reached')
  if (reached !== undefined) seen.markReached(reached, 30_000)
  expect(seen.pods(60_000, ({ pod }) => pod === 'kept').map(({ pod }) => pod)).toEqual(['kept', 'reached'])
  expect(seen.pods(90_000)).toEqual([])
})

test('names with a meaning to a shell are ignored, because pods\' names appear in commands to copy', () => {
  const seen = new Sightings()
  for (const name of ['$(reboot)', 'a;b', 'a b', '-x', "a'", 'catalog-7.x']) seen.add('catalog', answer('v1', name), 0)
  expect(seen.pods(1).map(({ pod }) => pod)).toEqual(['catalog-7.x'])
})

test('a pod keeps the header of the request that reached it', () => {
  const seen = new Sightings()
  const header = { name: 'x-dark-launch', value: 'v2' }
  seen.add('forum', answer('v1', 'forum-1'), 0)
  seen.add('catalog', answer('v2', 'pod-b'), 0, header)
  seen.add('catalog', answer('v1', 'pod-a'), 0)
  seen.add('catalog', noCatalog, 0)
  expect(seen.pods(1)).toMatchObject([
    { service: 'catalog', pod: 'pod-a', version: 'v1' },
    { service: 'catalog', pod: 'pod-b', version: 'v2', header },
    { service: 'forum', pod: 'forum-1' }
  ])
})
