import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, inspect, load, once, share } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'
import { answered } from '../calls.ts'

const hasItem = ({ status, body }: Call) => status === 200 && body.includes('"name":"Elinor Glasses"')

export default {
  id: 'ch2.gateway',
  title: 'Expose the webapp',
  aim: 'A Gateway opens a port of the ingress gateway, and a VirtualService routes the requests that arrive there ' +
    'to the webapp.',
  needs: ['store'],
  steps: [
    apply('istio/ch2/ingress-gateway.yaml',
      'Open port 80 of the ingress gateway, and route its requests to the webapp.'),
    load('ask-gateway', '/api/catalog/items/1', {
      says: 'Ask for an item through the gateway.',
      arrived: { seen: answered }
    }),
    expect('item-answers', 'calls that return the item', all, hasItem),
    inspect('own-pod-answers', 'calls answered by a pod of this namespace', {
      says: 'List the catalog\'s pods. Others may use the gateway too, so check that one of your own pods ' +
        'answered: the header x-served-by names it.',
      command: ['kubectl', 'get', 'pods', '-l', 'app=catalog', '-o', 'name'],
      expected: all,
      count: ({ output, calls }) => share(calls, ({ pod }) => output.split('\n').includes(`pod/${pod}`))
    }),
    inspect('gateway-has-route', 'ingress gateways with the route', {
      says: 'List the routes of the gateway. One of them names the VirtualService.',
      command: ['istioctl', 'proxy-config', 'routes', 'deploy/GATEWAY', '-n', 'GATEWAYS'],
      expected: all,
      count ({ output, namespace }) {
        const virtualService = `webapp-virtualservice.${namespace}`
        // For an HTTPRoute, istiod makes a VirtualService itself, and names it after the Gateway.
        const ofHttpRoute = `${namespace}~outfitters-gateway~`
        return once(output.split(/\s+/).some(word => word === virtualService || word.startsWith(ofHttpRoute)))
      }
    })
  ],
  look: [
    '`istioctl proxy-config listeners deploy/istio-ingressgateway -n istio-system`: ' +
      'the port is open only because the Gateway asks for it.',
    '`kubectl -n istio-system get service istio-ingressgateway`: the address of the gateway. If it has no external ' +
      'address, use `kubectl -n istio-system port-forward service/istio-ingressgateway 8080:80`.',
    'Delete only the VirtualService, with `kubectl delete virtualservice webapp-virtualservice`: the gateway still ' +
      'answers, but with 404.'
  ],
  controls: [withhold('istio/ch2/ingress-gateway.yaml', 'item-answers')]
} satisfies Exercise
