import type { Exercise, Expect, Step } from '../../exercise.ts'
import { apply, expect, fault, load } from '../../steps.ts'
import { all, type Expected } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'
import { answered } from '../calls.ts'
import { waitForCatalogCluster } from '../proxies.ts'

/** What the three ways of balancing have in common: one of two pods is slow. */
export const needs: Exercise['needs'] = ['store', 'gateway', 'v2']

const isSlow = ({ duration }: Call) => duration >= 300

/** Requests a second: a slow pod has about fifteen under way then. */
const RATE = 50

export const slowPod = fault('latency 300 --version v2', 'Make one of the two pods slow: version 2 takes 300 ms more.')

/** What makes the proxy give each pod its turn: that is what Envoy does where nothing else is said. */
export const inTurn = { file: 'istio/ch6/catalog-dr-rr.yaml', sign: /^(?![^]*"lbPolicy")/ }

/** Calls that are spread as a DestinationRule says. */
export const spread = ({ file, sign }: { file: string, sign: RegExp }, { id = 'spread', how = 'so' } = {}): Step[] => [
  apply(file, 'Say how the calls are to be spread.'),
  waitForCatalogCluster(`proxy-has-${id}`, `the webapp's proxy spreads them ${how}`, sign),
  load(`calls-${id}`, '/api/catalog', { says: 'See which pod gets how many, and how long the calls take.', rate: RATE })
]

export const waiting = (id: string, how: string, share: Expected): Expect => expect(`slow-${id}`, `calls that take 300 ms or more when they are spread ${how}`, share, isSlow, { bears: 200 })

/** What the slow pod gets of them, and that this is why some are slow. */
export const slowPodGets = (share: Expected): Expect[] => [
  expect('slow-pod-share', 'calls that the slow pod gets', share, ({ version }) => version === 'v2'),
  expect('slow-pod-is-slow', 'calls of the slow pod that take 300 ms or more', all, isSlow, { among: ({ version }) => version === 'v2' }),
  expect('all-answered', 'calls that are answered', all, answered)
]
