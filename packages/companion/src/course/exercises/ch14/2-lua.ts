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
  title: 'Form a test group with a few lines of Lua',
  aim: 'A Lua filter in front of the webapp gives one caller in four the header x-dark-launch: v2. The webapp ' +
    'forwards the header, and the mesh routes by it. So a sidecar decides who tests version 2, and no service changes.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    defineSubsets,
    apply('istio/ch2/catalog-virtualservice-dark-v2.yaml', 'Route by the header x-dark-launch.'),
    load('before-group', '/api/catalog', {
      says: 'Send requests. No caller has the header yet.',
      arrived: { only: hasNoImages }
    }),
    expect('no-pictures-before', 'answers without pictures before there is a test group', all, hasNoImages),
    apply('istio/ch14/lua-filter.yaml', 'Give the header to one caller in four.'),
    waitForWebappFilter('envoy.filters.http.lua'),
    ...renewConnections,
    load('unnamed-callers', '/api/catalog', {
      says: 'Send requests without a caller\'s name. The filter draws a group for each request.'
    }),
    expect('quarter-gets-v2', 'answers with pictures for callers without a name',
      about(1 / 4, { tellFrom: [2 / 5] }), hasImages),
    load('bruno', '/api/catalog', {
      says: 'Send requests as Bruno, who is in the test group and stays in it.',
      headers: { 'x-user': 'bruno' }
    }),
    expect('bruno-gets-v2', 'answers with pictures for Bruno', all, hasImages),
    load('chiara', '/api/catalog', {
      says: 'Send requests as Chiara, who is not in the test group.',
      headers: { 'x-user': 'chiara' }
    }),
    expect('chiara-gets-v1', 'answers without pictures for Chiara', all, hasNoImages),
    load('chiara-claims-v2', '/api/catalog', {
      says: 'Send requests as Chiara with the header x-dark-launch: v2. She still gets version 1.',
      headers: { 'x-user': 'chiara', 'x-dark-launch': 'v2' }
    }),
    expect('chiara-still-gets-v1', 'answers without pictures for Chiara when she sends the header', all, hasNoImages)
  ],
  look: [
    '`istioctl proxy-config listeners deploy/webapp --port 15006 -o yaml` shows the Lua code in the sidecar\'s ' +
      'configuration.',
    'The book\'s filter asks a service for the group, with `handle:httpCall`. This filter needs no service, because ' +
      'it computes the group from the caller\'s name.',
    'Today\'s Istio has an API for this, `TrafficExtension` with `lua` (`kubectl explain trafficextension.spec`, ' +
      'still alpha). An EnvoyFilter depends on how Istio builds its configuration, so the next version may break it.',
    'For more than a few lines, there is WebAssembly: `WasmPlugin` loads a module from an image registry into the ' +
      'proxy. It needs such a module, and a proxy with a runtime for it, as Istio\'s own proxy has. This exercise ' +
      'does not try it.'
  ],
  controls: [
    withhold('istio/ch14/lua-filter.yaml', 'quarter-gets-v2'),
    otherHeaders('bruno', { 'x-user': 'farid' }, 'bruno-gets-v2')
  ]
} satisfies Exercise
