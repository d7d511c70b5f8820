import { expect, test } from 'vitest'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { readManifest } from '../src/cluster/manifests.ts'

const SIDECAR = 'istio/ch11/webapp-sidecar.yaml'

test('full names of Services get the exercise\'s namespace, and the printed command shows how', async () => {
  const { objects, input } = await readManifest(new Kubectl('shop'), SIDECAR)
  const hosts = ['./catalog.shop.svc.cluster.local', './forum.shop.svc.cluster.local']
  expect(objects).toMatchObject([{ spec: { egress: [{ hosts }] } }])
  const script = 's/.istioinaction.svc.cluster.local/.shop.svc.cluster.local/'
  expect(input).toMatchObject({ from: `sed '${script}' k8s/${SIDECAR}` })
})

test('in the book\'s namespace the file is applied as it is', async () => {
  expect(await readManifest(new Kubectl('istioinaction'), SIDECAR))
    .toMatchObject({ args: ['-f', `k8s/${SIDECAR}`], namespace: 'istioinaction' })
})

test('a host replaces the host * and the book\'s domain', async () => {
  const [gateway, tls] = await Promise.all(['istio/ch2/ingress-gateway.yaml', 'istio/ch4/coolstore-gw-tls.yaml']
    .map(file => readManifest(new Kubectl('shop'), file, { host: 'run.example' })))
  const hostsOf = (found: typeof gateway) => {
    const { spec } = found?.objects[0] as unknown as { spec: { servers: { hosts: string[] }[] } }
    return spec.servers.flatMap(({ hosts }) => hosts)
  }
  expect(hostsOf(gateway)).toEqual(['run.example'])
  expect(hostsOf(tls)).toContain('webapp.run.example')
  expect(gateway?.input).toMatchObject({ from: 'sed \'s/"\\*"/"run.example"/\' k8s/istio/ch2/ingress-gateway.yaml' })
})
