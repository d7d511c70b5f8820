import { expect, test } from 'vitest'
import { outcomeOf } from '../../public/static/page/outcome.js'
import { edgesOf, isWebappSilent, podsInWords, Sightings } from '../../public/static/page/seen.js'
import { History } from '../../public/static/page/statistics.js'

type Outcome = ReturnType<typeof outcomeOf>
const FAILED = 'error calling Catalog service'
const answer = (version: string, pod = version, status = 200) => {
  const headers = new Headers({ 'x-served-by': pod, 'x-served-version': version })
  return outcomeOf({ status, headers, body: status === 200 ? '' : FAILED }, 1, 'Catalog')
}
const noCatalog = outcomeOf({ status: 500, headers: new Headers(), body: FAILED }, 1, 'Catalog')
const noWebapp = outcomeOf({ status: 503, headers: new Headers(), body: '' }, 1, 'Catalog')
const hung = outcomeOf({ status: 0, headers: new Headers(), body: '', timedOut: true }, 1, 'Catalog')
const forumAnswer = answer('v1', 'forum-1')

/** The summary of outcomes of one second. */
function summaryOf (...outcomes: Outcome[]) {
  const history = new History(0)
  outcomes.forEach((outcome, number) => {
    const sent = { number, at: 500, header: undefined }
    history.sent(sent)
    history.answered(sent, outcome)
  })
  return history.recent(1000)
}

const known = (versions: string[] = [], suspects: string[] = [], hasForum = false) => ({ versions, suspects, hasForum })
const webappEdge = (to: string, perSecond: number, failed: number) =>
  expect.objectContaining({ from: 'webapp', to, perSecond, failed })

test('before the first request there are no edges and no pods', () => {
  expect(edgesOf(summaryOf(), summaryOf(), known())).toEqual([])
  expect(new Sightings().pods(0)).toEqual([])
})

test('edges show the caller, the service, the traffic, and the share of failures', () => {
  const catalog = summaryOf(answer('v2'), answer('v1', 'v1', 500), answer('v2'), answer('v1'))
  expect(edgesOf(catalog, summaryOf(forumAnswer), known(['v1', 'v2'], [], true))).toEqual([
    { from: 'page', to: 'webapp', perSecond: 5, failed: 0 },
    webappEdge('catalog v1', 2, 0.5),
    webappEdge('catalog v2', 2, 0),
    webappEdge('forum', 1, 0)
  ])
})

test("without an answer the version is unknown; a call that gets no webapp is the page's failure", () => {
  expect(edgesOf(summaryOf(noCatalog, noWebapp), summaryOf(), known())).toEqual([
    { from: 'page', to: 'webapp', perSecond: 2, failed: 0.5 },
    webappEdge('catalog ?', 1, 1)
  ])
})

test('a version of the last minute without recent calls has no traffic, and an unknown version disappears', () => {
  expect(edgesOf(summaryOf(answer('v2')), summaryOf(), known(['v1', 'v2', 'no pod'], [], true)).slice(1)).toEqual([
    webappEdge('catalog v1', 0, 0),
    webappEdge('catalog v2', 1, 0),
    webappEdge('forum', 0, 0)
  ])
})

test('a version with a rule is suspected only while calls get no answer', () => {
  const suspected = (catalog: ReturnType<typeof summaryOf>) =>
    edgesOf(catalog, summaryOf(), known([], ['v1'])).filter(({ isSuspected }) => isSuspected).map(({ to }) => to)
  expect(suspected(summaryOf(noCatalog, answer('v2')))).toEqual(['catalog v1'])
  expect(suspected(summaryOf(noCatalog, answer('v1')))).toEqual([])
  expect(suspected(summaryOf(answer('v2')))).toEqual([])
})

test.each([['refuses', noWebapp], ['hangs', hung]])('behind a webapp that %s, nothing is known', (_how, outcome) => {
  const [catalog, forum] = [summaryOf(outcome), summaryOf(outcome)]
  expect(isWebappSilent(catalog, forum)).toBe(true)
  expect(isWebappSilent(catalog, summaryOf(forumAnswer))).toBe(false)
  expect(edgesOf(catalog, forum, known(['v1'], [], true))).toEqual([
    { from: 'page', to: 'webapp', perSecond: 2, failed: 1 },
    webappEdge('catalog v1', 0, 0),
    webappEdge('forum', 0, 0)
  ])
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

test('pods are named by their version or service, and a pod that is one of several also by the end of its name', () => {
  const pod = (name: string, version: string, service: 'catalog' | 'forum' = 'catalog') =>
    ({ service, pod: name, version, header: undefined, at: 0 })
  const [a, b] = [pod('catalog-7d9f-aaaaa', 'v1'), pod('catalog-7d9f-bbbbb', 'v1')]
  const [c, forum] = [pod('catalog-v2', 'v2'), pod('forum-5c8d-ccccc', 'v1', 'forum')]
  const all = [a, b, c, forum]
  expect(podsInWords(all, all)).toBe('v1, v2, forum')
  expect(podsInWords([b, forum], all)).toBe('v1 (…bbbbb), forum')
  expect(podsInWords([a], [a, c])).toBe('v1')
})
