import { otherHeaders, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { about, all } from '../../../judge/statistics.ts'
import { hasImages, hasNoImages } from '../calls.ts'
import { renewConnections } from '../traces.ts'
import { waitForWebappFilter } from '../proxies.ts'

export default {
  id: 'ch14.lua',
  title: 'Test groups by a few lines of Lua',
  aim: 'A Lua filter in front of the webapp gives one caller in four the header x-dark-launch: v2. The webapp hands it on, and the mesh routes by it: who tests version 2 is decided in a proxy, and no service has changed.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    apply('istio/ch2/catalog-destinationrule.yaml', 'Give the versions names.'),
    apply('istio/ch2/catalog-virtualservice-dark-v2.yaml', 'Route by the header x-dark-launch.'),
    load('before-group', '/api/catalog', { says: 'Nobody has it yet.', arrived: { only: hasNoImages } }),
    expect('no-pictures-before', 'answers without pictures before there is a test group', all, hasNoImages),
    apply('istio/ch14/lua-filter.yaml', 'Give it to one caller in four.'),
    waitForWebappFilter('envoy.filters.http.lua'),
    ...renewConnections,
    load('unnamed-callers', '/api/catalog', { says: 'Callers without a name are drawn anew with each call.' }),
    expect('quarter-gets-v2', 'answers with pictures', about(1 / 4, { tellFrom: [2 / 5] }), hasImages),
    load('bruno', '/api/catalog', { says: 'Bruno is in the test group, and stays in it,', headers: { 'x-user': 'bruno' } }),
    expect('bruno-gets-v2', 'answers with pictures for Bruno', all, hasImages),
    load('chiara', '/api/catalog', { says: 'Chiara is not,', headers: { 'x-user': 'chiara' } }),
    expect('chiara-gets-v1', 'answers without pictures for Chiara', all, hasNoImages),
    load('chiara-claims-v2', '/api/catalog', { says: 'whatever she claims.', headers: { 'x-user': 'chiara', 'x-dark-launch': 'v2' } }),
    expect('chiara-still-gets-v1', 'answers without pictures for Chiara who sends the header herself', all, hasNoImages)
  ],
  look: [
    '`istioctl proxy-config listeners deploy/webapp --port 15006 -o yaml`: the code, where the proxy has it.',
    'The book\'s filter asks a service for the group, by `handle:httpCall`. This one needs none, since it draws from the caller\'s name.',
    'Today\'s Istio has an API for it, `TrafficExtension` with `lua` (`kubectl explain trafficextension.spec`, still alpha): an EnvoyFilter depends on how Istio builds its configuration, and may break with the next version.',
    'For more than a few lines there is WebAssembly: `WasmPlugin` fetches a module from an image registry into the proxy. It needs such a module, and a proxy with a runtime for it, as Istio\'s own has; it is not tried here.'
  ],
  controls: [
    withhold('istio/ch14/lua-filter.yaml', 'quarter-gets-v2'),
    otherHeaders('bruno', { 'x-user': 'farid' }, 'bruno-gets-v2')
  ]
} satisfies Exercise
