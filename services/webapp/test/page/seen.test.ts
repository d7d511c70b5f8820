import { expect, test } from 'vitest'
import { outcomeOf } from '../../public/static/page/outcome.js'
import { Sightings } from '../../public/static/page/seen.js'

const answer = (version: string, pod = version, status = 200) =>
  outcomeOf({ status, headers: new Headers({ 'x-served-by': pod, 'x-served-version': version }), body: status === 200 ? '' : 'error calling Catalog service' }, 1, 'Catalog')
const silent = outcomeOf({ status: 500, headers: new Headers(), body: 'error calling Catalog service' }, 1, 'Catalog')
const noWebapp = outcomeOf({ status: 503, headers: new Headers(), body: '' }, 1, 'Catalog')

test('nothing is assumed', () => {
  expect(new Sightings().edges(0)).toEqual([])
  expect(new Sightings().pods(0)).toEqual([])
})

test('edges are as seen: who was asked, how often, and what share of that failed', () => {
  const seen = new Sightings()
  for (let i = 0; i < 20; i++) seen.add('catalog', i % 2 === 0 ? answer('v2') : answer('v1', 'v1', i % 4 === 1 ? 500 : 200), i * 500)
  seen.add('forum', answer('v1', 'forum-1'), 9900)
  expect(seen.edges(10_000)).toEqual([
    { from: 'page', to: 'webapp', perSecond: 2.1, failed: 0 },
    { from: 'webapp', to: 'catalog v1', perSecond: 1, failed: 0.5 },
    { from: 'webapp', to: 'catalog v2', perSecond: 1, failed: 0 },
    { from: 'webapp', to: 'forum', perSecond: 0.1, failed: 0 }
  ].map(edge => ({ ...edge, perSecond: expect.closeTo(edge.perSecond, 0) })))
})

test('a catalog that says nothing is one of which nothing is known; a webapp that is not reached is the page\'s edge', () => {
  const seen = new Sightings()
  seen.add('catalog', silent, 0)
  seen.add('catalog', noWebapp, 500)
  expect(seen.edges(1000)).toEqual([
    { from: 'page', to: 'webapp', perSecond: 2, failed: 0.5 },
    { from: 'webapp', to: 'catalog ?', perSecond: 1, failed: 1 }
  ])
})

test('what was not seen for ten seconds has no traffic, and after a minute it is gone', () => {
  const seen = new Sightings()
  seen.add('catalog', answer('v1'), 0)
  expect(seen.edges(20_000)).toContainEqual({ from: 'webapp', to: 'catalog v1', perSecond: 0, failed: 0 })
  expect(seen.edges(60_000)).toEqual([])
  expect(seen.pods(60_000)).toEqual([])
})

test('a pod that shows its rules is there, and one that is kept stays, though neither answers a request', () => {
  const seen = new Sightings()
  for (const name of ['forgotten', 'kept', 'met']) seen.add('catalog', answer('v1', name), 0)
  const met = seen.pods(1).find(({ pod }) => pod === 'met')
  if (met !== undefined) seen.met(met, 30_000)
  expect(seen.pods(60_000, ({ pod }) => pod === 'kept').map(({ pod }) => pod)).toEqual(['kept', 'met'])
  expect(seen.pods(90_000)).toEqual([])
})

test('a name that means something to a shell is no pod\'s: it would stand in the lines to copy', () => {
  const seen = new Sightings()
  for (const name of ['$(reboot)', 'a;b', 'a b', '-x', "a'", 'catalog-7.x']) seen.add('catalog', answer('v1', name), 0)
  expect(seen.pods(1).map(({ pod }) => pod)).toEqual(['catalog-7.x'])
})

test('pods are remembered with the header by which they were met', () => {
  const seen = new Sightings()
  const header = { name: 'x-dark-launch', value: 'v2' }
  seen.add('forum', answer('v1', 'forum-1'), 0)
  seen.add('catalog', answer('v2', 'pod-b'), 0, header)
  seen.add('catalog', answer('v1', 'pod-a'), 0)
  seen.add('catalog', silent, 0)
  expect(seen.pods(1)).toMatchObject([{ service: 'catalog', pod: 'pod-a', version: 'v1' }, { service: 'catalog', pod: 'pod-b', version: 'v2', header }, { service: 'forum', pod: 'forum-1' }])
})
