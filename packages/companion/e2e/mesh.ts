import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll } from 'vitest'
import { ROOT } from '../src/command.ts'
import { findGateway, openGateway, type Gateway } from '../src/gateway.ts'
import { Kubectl } from '../src/kubectl.ts'
import { hostIsFree } from '../src/preflight.ts'
import { podReady, rolledOut } from '../src/workloads.ts'

/** A file or folder of k8s/. */
export const k8s = (path: string) => `${ROOT}k8s/${path}`

/**
 * A fresh injected namespace with the store in it, a pod outside the mesh, and a way to the gateway, for the tests of a file.
 * Everything is gone after them.
 */
export function freshMesh () {
  const name = `e2e-${randomBytes(3).toString('hex')}`
  const outside = new Kubectl(`${name}-outside`)
  const mesh = {
    kubectl: new Kubectl(name),
    gateway: undefined as unknown as Gateway,
    /** curl from a pod that has no sidecar; what it prints. */
    curlOutside: (...args: string[]) => outside.try(['exec', 'outside', '--', 'curl', '-sS', '--max-time', '10', ...args]),
    /** the store's address in the mesh as seen from elsewhere */
    host: (service: string) => `${service}.${name}`
  }

  beforeAll(async () => {
    const cluster = new Kubectl('default')
    await cluster.applyText(JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'istio-injection': 'enabled' } } },
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: outside.namespace } }
      ]
    }))
    const gateway = await findGateway(cluster)
    await hostIsFree(mesh.kubectl, gateway)
    mesh.gateway = await openGateway(cluster, gateway)
    await outside.apply(k8s('tools/outside.yaml'))
    await mesh.kubectl.run(['apply', '--kustomize', k8s('')])
    await rolledOut(mesh.kubectl, ['catalog', 'webapp', 'forum'])
    await podReady(outside, 'outside')
  })

  afterAll(async () => {
    mesh.gateway?.close()
    try {
      await mesh.kubectl.run(['delete', 'gateways.networking.istio.io,virtualservices', '--all']) // at once: they claim the gateway for the next file
    } finally {
      await new Kubectl('default').run(['delete', 'namespace', name, outside.namespace, '--wait=false'])
    }
  })
  return mesh
}
