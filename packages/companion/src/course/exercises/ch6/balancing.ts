import type { Exercise, Expect, Step } from '../../exercise.ts'
import { apply, expect, fault, load } from '../../steps.ts'
import { all, type Expected } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'
import { answered } from '../calls.ts'
import { waitForCatalogCluster } from '../proxies.ts'

/** What the exercises on load balancing need: the catalog has two pods, one of which becomes slow. */
export const needs: Exercise['needs'] = ['store', 'gateway', 'v2']

/** Requests a second. At this rate, up to about fifteen calls wait for a slow pod at any time. */
const RATE = 50

/** Makes one of the catalog's two pods slow. */
export const slowDownVersion2 =
  fault('latency 300 --version v2', 'Make one of the two pods slow: delay every answer of version 2 by 300 ms.')

/** A load balancing policy. */
interface Policy {
  /** as in `round robin` */
  name: string
  /** the DestinationRule that sets it */
  file: string
  /** what the sidecar's configuration of the catalog looks like with it */
  sign: RegExp
  /** what readers should find in that configuration, if it is not the text of `sign` */
  shows?: string
}

/** Envoy's default, so the sidecar's configuration does not mention it. */
export const roundRobin: Policy = {
  name: 'round robin',
  file: 'istio/ch6/catalog-dr-rr.yaml',
  sign: /^(?![^]*"lbPolicy")/,
  shows: 'no "lbPolicy"'
}

/** Sets a policy, and sends requests with it. */
export const balanceBy = ({ name, file, sign, shows }: Policy, id = 'spread'): Step[] => [
  apply(file, `Set the load balancing policy to ${name}.`),
  waitForCatalogCluster(`proxy-has-${id}`, `webapp sidecars with the policy ${name}`, sign, shows),
  load(`calls-${id}`, '/api/catalog', {
    says: 'Send requests. See how many calls each pod gets, and how long the calls take.',
    rate: RATE
  })
]

const isSlow = ({ duration }: Call) => duration >= 300

/** Expects this share of the calls to take 300 ms or more with a policy. */
export const expectSlowCalls = (id: string, { name }: Policy, share: Expected): Expect =>
  expect(`slow-${id}`, `calls that take 300 ms or more with ${name}`, share, isSlow, { tolerates: 200 })

/** Expects this share of the calls at the slow pod, and that this pod really is slow. */
export const expectSlowPodShare = (share: Expected): Expect[] => [
  expect('slow-pod-share', 'calls to the slow pod', share, ({ version }) => version === 'v2'),
  expect('slow-pod-is-slow', 'calls to the slow pod that take 300 ms or more', all, isSlow, {
    among: ({ version }) => version === 'v2'
  }),
  expect('all-answered', 'calls that succeed', all, answered)
]
