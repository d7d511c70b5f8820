import { apply, expect, fault, load, type Exercise, type Step } from '../../exercise.ts'
import { all, type Expected } from '../../judgement.ts'
import type { Call } from '../../load.ts'
import { webappCallsBy } from '../proxies.ts'

/** What the three ways of balancing have in common: one of two pods is slow. */
export const needs: Exercise['needs'] = ['store', 'gateway', 'v2']

const isSlow = ({ duration }: Call) => duration >= 300

/** Requests a second: a slow pod has about fifteen under way then. */
const RATE = 50

/** The steps: version 2 takes 300 ms more, and the calls are spread as a DestinationRule says. */
export const steps = (file: string, sign: RegExp, share: Expected): Step[] => [
  fault('latency 300 --version v2', 'Make one of the two pods slow: version 2 takes 300 ms more.'),
  apply(file, 'Say how the calls are to be spread.'),
  webappCallsBy('the webapp\'s proxy spreads them so', sign),
  load('/api/catalog', { says: 'See which pod gets how many, and how long the calls take.', rate: RATE }),
  expect('calls that the slow pod gets', share, ({ version }) => version === 'v2'),
  expect('calls of the slow pod that take 300 ms or more', all, isSlow, { among: ({ version }) => version === 'v2' }),
  expect('calls that are answered', all, ({ status }) => status === 200)
]
