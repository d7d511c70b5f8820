import { withhold } from '../../controls.ts'
import type { Exercise, Observed } from '../../exercise.ts'
import { apply, inspect, once, share } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'

const CATALOG_ITEM = '{\n  "id": 1,\n  "color": "amber",\n  "department": "Eyewear",\n  "name": "Elinor Glasses",\n  "price": "282.00"\n}'
const WEBAPP_ITEM = '{"id":1,"color":"amber","department":"Eyewear","name":"Elinor Glasses","price":"282.00"}'
const is = (text: string) => ({ output }: Observed) => once(output === text)

export default {
  id: 'ch2.deploy',
  title: 'Deploy the store into the mesh',
  aim: 'A namespace with the label istio-injection=enabled gives every pod in it a proxy, and nothing else about the store has to change for it.',
  needs: ['outside'],
  steps: [
    apply('.', 'Deploy catalog, webapp and forum.'),
    inspect('pods-ready', 'pods that have their proxy and are ready', {
      says: 'Each pod is 2/2: the service, and the proxy that the injection has added.',
      command: ['kubectl', 'get', 'pods', '-l', 'app in (catalog,webapp,forum)'],
      expected: all,
      count: ({ output }) => share(output.trim().split('\n').slice(1), line => / 2\/2 +Running /.test(line))
    }),
    inspect('outside-has-no-proxy', 'the pod to call from is outside of the mesh', {
      says: 'Look at the pod that calls: its containers have no proxy among them.',
      command: ['kubectl', 'get', 'pod', 'outside', '-o', 'jsonpath={.spec.containers[*].name} {.spec.initContainers[*].name}'],
      expected: all,
      count: ({ output }) => once(output.trim() === 'outside')
    }),
    inspect('catalog-answers', 'the catalog answers from outside of the mesh', {
      says: 'Ask the catalog for an item, from a pod that has no proxy.',
      command: ['kubectl', 'exec', 'outside', '--', 'curl', '-s', '--max-time', '5', 'http://catalog.NAMESPACE/items/1'],
      expected: all,
      count: is(CATALOG_ITEM)
    }),
    inspect('webapp-answers', 'the webapp answers from outside of the mesh', {
      says: 'Ask the webapp for the same: it asks the catalog.',
      command: ['kubectl', 'exec', 'outside', '--', 'curl', '-s', '--max-time', '5', 'http://webapp.NAMESPACE/api/catalog/items/1'],
      expected: all,
      count: is(WEBAPP_ITEM)
    })
  ],
  look: [
    '`kubectl get pod -l app=catalog -o yaml`: the container `istio-proxy`, which no manifest of ours has. Today\'s Istio makes it an init container that stays (`restartPolicy: Always`).',
    '`istioctl kube-inject -f k8s/services/catalog.yaml`: what the injection adds, without a cluster being changed.',
    '`istioctl proxy-status`: every proxy that the control plane knows, and whether it is up to date.'
  ],
  controls: [withhold('.', 'pods-ready')]
} satisfies Exercise
