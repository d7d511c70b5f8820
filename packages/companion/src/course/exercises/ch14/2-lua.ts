import { otherHeaders, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { about, all } from '../../../judge/statistics.ts'
import { hasImages, hasNoImages } from '../calls.ts'
import { defineSubsets } from '../subsets.ts'
import { renewConnections } from '../traces.ts'
import { waitForWebappFilter } from '../proxies.ts'

export default {
  id: 'ch14.lua',
  title: 'Choose a test group with a few lines of Lua',
  aim: 'A Lua filter in the webapp\'s sidecar adds the header x-dark-launch: v2 to the requests of one caller in ' +
    'four. The webapp forwards the header, and the mesh routes by it. So a sidecar decides which callers test ' +
    'version 2, and no service changes.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    defineSubsets,
    apply('istio/ch2/catalog-virtualservice-dark-v2.yaml', 'Route by the header x-dark-launch.'),
    load('before-group', '/api/catalog', {
      says: 'Send requests. None has the header yet, so version 1 answers.',
      arrived: { only: hasNoImages }
    }),
    expect('no-pictures-before', 'answers without pictures before there is a test group', all, hasNoImages),
    apply('istio/ch14/lua-filter.yaml', 'Add the header to the requests of one caller in four.'),
    waitForWebappFilter('envoy.filters.http.lua'),
    ...renewConnections,
    load('unnamed-callers', '/api/catalog', {
      says: 'Send requests without a caller\'s name. The filter chooses the group of each request by its request id.'
    }),
    expect('quarter-gets-v2', 'answers with pictures for callers without a name',
      about(1 / 4, { tellFrom: [2 / 5] }), hasImages),
    load('bruno', '/api/catalog', {
      says: 'Send requests as Bruno, who is always in the test group. Version 2 answers.',
      headers: { 'x-user': 'bruno' }
    }),
    expect('bruno-gets-v2', 'answers with pictures for Bruno', all, hasImages),
    load('chiara', '/api/catalog', {
      says: 'Send requests as Chiara, who is never in the test group. Version 1 answers.',
      headers: { 'x-user': 'chiara' }
    }),
    expect('chiara-gets-v1', 'answers without pictures for Chiara', all, hasNoImages),
    load('chiara-claims-v2', '/api/catalog', {
      says: 'Send requests as Chiara with the header x-dark-launch: v2. Version 1 still answers, because the ' +
        'filter removes the header.',
      headers: { 'x-user': 'chiara', 'x-dark-launch': 'v2' }
    }),
    expect('chiara-still-gets-v1', 'answers without pictures for Chiara when she sends the header', all, hasNoImages)
  ],
  look: [
    '`istioctl proxy-config listeners deploy/webapp --port 15006 -o yaml` shows the Lua code in the sidecar\'s ' +
      'configuration.',
    'The book\'s filter asks a service for the group, with `handle:httpCall`. This filter needs no service, because ' +
      'it computes the group from the caller\'s name.',
    'Current versions of Istio have an API for this, `TrafficExtension` with `lua` (`kubectl explain ' +
      'trafficextension.spec`, still alpha). An EnvoyFilter depends on how Istio builds its configuration, so a ' +
      'new version of Istio may break it.',
    'For more than a few lines, there is WebAssembly: `WasmPlugin` loads a module from an image registry into the ' +
      'sidecar. For this, the sidecar needs a runtime, which Istio\'s own proxy has. This exercise does not try it.'
  ],
  controls: [
    withhold('istio/ch14/lua-filter.yaml', 'quarter-gets-v2'),
    otherHeaders('bruno', { 'x-user': 'farid' }, 'bruno-gets-v2')
  ]
} satisfies Exercise
