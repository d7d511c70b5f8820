import { withhold } from '../../controls.ts'
import type { Exercise, Observed } from '../../exercise.ts'
import { apply, inspect, once, share } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'

const CATALOG_ITEM = `{
  "id": 1,
  "color": "amber",
  "department": "Eyewear",
  "name": "Elinor Glasses",
  "price": "282.00"
}`
const WEBAPP_ITEM = '{"id":1,"color":"amber","department":"Eyewear","name":"Elinor Glasses","price":"282.00"}'

/** Calls a URL from the pod without a sidecar. */
const curl = (url: string) => ['kubectl', 'exec', 'outside', '--', 'curl', '-s', '--max-time', '5', url]

const isExactly = (text: string) => ({ output }: Observed) => once(output === text)

export default {
  id: 'ch2.deploy',
  title: 'Deploy the store into the mesh',
  aim: 'In a namespace with the label istio-injection=enabled, Istio adds a proxy to every pod: the sidecar. The ' +
    'store\'s own manifests do not change.',
  needs: ['outside'],
  steps: [
    apply('.', 'Deploy the catalog, the webapp and the forum.'),
    inspect('pods-ready', 'ready pods with a sidecar', {
      says: 'List the pods. Each shows 2/2, two of two containers ready: the service, and the sidecar that Istio ' +
        'injected.',
      command: ['kubectl', 'get', 'pods', '-l', 'app in (catalog,webapp,forum)'],
      expected: all,
      count: ({ output }) => share(output.trim().split('\n').slice(1), line => / 2\/2 +Running /.test(line))
    }),
    inspect('outside-has-no-proxy', 'client pods without a sidecar', {
      says: 'List the containers of the client pod, from which you call the store. None of them is a sidecar.',
      command: ['kubectl', 'get', 'pod', 'outside', '-o',
        'jsonpath={.spec.containers[*].name} {.spec.initContainers[*].name}'],
      expected: all,
      count: ({ output }) => once(output.trim() === 'outside')
    }),
    inspect('catalog-answers', 'calls to the catalog that return the item', {
      says: 'Ask the catalog for an item, from the pod without a sidecar.',
      command: curl('http://catalog.NAMESPACE/items/1'),
      expected: all,
      count: isExactly(CATALOG_ITEM)
    }),
    inspect('webapp-answers', 'calls to the webapp that return the item', {
      says: 'Ask the webapp for the same item. The webapp gets it from the catalog.',
      command: curl('http://webapp.NAMESPACE/api/catalog/items/1'),
      expected: all,
      count: isExactly(WEBAPP_ITEM)
    })
  ],
  look: [
    '`kubectl get pod -l app=catalog -o yaml`: the sidecar is the container `istio-proxy`, which is in none of the ' +
      'manifests. Current versions of Istio add it as an init container that keeps running (`restartPolicy: ' +
      'Always`).',
    '`istioctl kube-inject -f k8s/services/catalog.yaml`: the manifest as it is after the injection. The command ' +
      'changes nothing in the cluster.',
    '`istioctl proxy-status`: all proxies that the control plane knows, and whether each of them has its latest ' +
      'configuration.'
  ],
  controls: [withhold('.', 'pods-ready')]
} satisfies Exercise
