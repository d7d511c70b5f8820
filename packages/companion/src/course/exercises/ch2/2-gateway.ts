import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, inspect, load, once, share } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { answered } from '../calls.ts'

export default {
  id: 'ch2.gateway',
  title: 'Let the outside in',
  aim: 'A Gateway opens a port of the ingress gateway, and a VirtualService says where its requests go.',
  needs: ['store'],
  steps: [
    apply('istio/ch2/ingress-gateway.yaml', 'Open port 80 of the ingress gateway, and route what comes in to the webapp.'),
    load('ask-gateway', '/api/catalog/items/1', { says: 'Ask for an item through the gateway.', arrived: { seen: answered } }),
    expect('item-answers', 'calls answered with the item', all, ({ status, body }) => status === 200 && body.includes('"name":"Elinor Glasses"')),
    inspect('own-pod-answers', 'calls that a pod of this namespace has answered', {
      says: 'Others may use the gateway too: x-served-by names the pod that has answered. Is it one of yours?',
      command: ['kubectl', 'get', 'pods', '-l', 'app=catalog', '-o', 'name'],
      expected: all,
      count: ({ output, calls }) => share(calls, ({ pod }) => output.split('\n').includes(`pod/${pod}`))
    }),
    inspect('gateway-has-route', 'the gateway has the route', {
      says: 'Look into the gateway: its routes name the VirtualService.',
      command: ['istioctl', 'proxy-config', 'routes', 'deploy/GATEWAY', '-n', 'GATEWAYS'],
      expected: all,
      // Of an HTTPRoute istiod makes a VirtualService by itself, and names it after the Gateway.
      count: ({ output, namespace }) => once(output.split(/\s+/).some(word => word === `webapp-virtualservice.${namespace}` || word.startsWith(`${namespace}~outfitters-gateway~`)))
    })
  ],
  look: [
    '`istioctl proxy-config listeners deploy/istio-ingressgateway -n istio-system`: the port is open only since the Gateway asked for it.',
    '`kubectl -n istio-system get service istio-ingressgateway`: where the gateway is. Without an external address, `kubectl -n istio-system port-forward service/istio-ingressgateway 8080:80` leads there.',
    'Delete the VirtualService alone: the gateway answers, with 404.'
  ],
  controls: [withhold('istio/ch2/ingress-gateway.yaml', 'item-answers')]
} satisfies Exercise
