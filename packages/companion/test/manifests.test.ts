import { expect, test } from 'vitest'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { manifest } from '../src/cluster/manifests.ts'

const SIDECAR = 'istio/ch11/webapp-sidecar.yaml'

test('whole names of Services are those of the exercise\'s namespace, and a reader is told how', async () => {
  const { objects, input } = await manifest(new Kubectl('shop'), SIDECAR)
  expect(objects).toMatchObject([{ spec: { egress: [{ hosts: ['./catalog.shop.svc.cluster.local', './forum.shop.svc.cluster.local'] }] } }])
  expect(input).toMatchObject({ from: `sed 's/.istioinaction.svc.cluster.local/.shop.svc.cluster.local/' k8s/${SIDECAR}` })
})

test('in the book\'s namespace the file is applied as it is', async () => {
  expect(await manifest(new Kubectl('istioinaction'), SIDECAR)).toMatchObject({ args: ['-f', `k8s/${SIDECAR}`], namespace: 'istioinaction' })
})
