import { apply, expect, load, otherHeaders, withhold, type Exercise } from '../../exercise.ts'
import { about, all } from '../../judgement.ts'
import { hasImages, hasNone } from '../ch2/calls.ts'
import { connectionsAreNew } from '../traces.ts'
import { webappHas } from '../proxies.ts'

export default {
  id: 'ch14.lua',
  title: 'Test groups by a few lines of Lua',
  aim: 'A Lua filter in front of the webapp gives one caller in four the header x-dark-launch: v2. The webapp hands it on, and the mesh routes by it: who tests version 2 is decided in a proxy, and no service has changed.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    apply('istio/ch2/catalog-destinationrule.yaml', 'Give the versions names.'),
    apply('istio/ch2/catalog-virtualservice-dark-v2.yaml', 'Route by the header x-dark-launch.'),
    load('/api/catalog', { says: 'Nobody has it yet.', arrived: { only: hasNone } }),
    expect('answers without pictures before there is a test group', all, hasNone),
    apply('istio/ch14/lua-filter.yaml', 'Give it to one caller in four.'),
    webappHas('envoy.filters.http.lua'),
    ...connectionsAreNew,
    load('/api/catalog', { says: 'Callers without a name are drawn anew with each call.' }),
    expect('answers with pictures', about(1 / 4, { tellFrom: [2 / 5] }), hasImages),
    load('/api/catalog', { says: 'Bruno is in the test group, and stays in it,', headers: { 'x-user': 'bruno' } }),
    expect('answers with pictures for Bruno', all, hasImages),
    load('/api/catalog', { says: 'Chiara is not,', headers: { 'x-user': 'chiara' } }),
    expect('answers without pictures for Chiara', all, hasNone),
    load('/api/catalog', { says: 'whatever she claims.', headers: { 'x-user': 'chiara', 'x-dark-launch': 'v2' } }),
    expect('answers without pictures for Chiara who sends the header herself', all, hasNone)
  ],
  look: [
    '`istioctl proxy-config listeners deploy/webapp --port 15006 -o yaml`: the code, where the proxy has it.',
    'The book\'s filter asks a service for the group, by `handle:httpCall`. This one needs none, since it draws from the caller\'s name.',
    'Today\'s Istio has an API for it, `TrafficExtension` with `lua` (`kubectl explain trafficextension.spec`, still alpha): an EnvoyFilter depends on how Istio builds its configuration, and may break with the next version.',
    'For more than a few lines there is WebAssembly: `WasmPlugin` fetches a module from an image registry into the proxy. It needs such a module, and a proxy with a runtime for it, as Istio\'s own has; it is not tried here.'
  ],
  controls: [
    withhold('istio/ch14/lua-filter.yaml', 'answers with pictures'),
    otherHeaders('Bruno is in the test group, and stays in it,', { 'x-user': 'farid' }, 'answers with pictures for Bruno')
  ]
} satisfies Exercise
