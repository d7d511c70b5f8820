import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll } from 'vitest'
import { openGateway, type Gateway } from '../src/gateway.ts'
import { Kubectl } from '../src/kubectl.ts'

/** The root of the project. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** A file or folder of k8s/. */
export const k8s = (path: string) => `${ROOT}k8s/${path}`

/**
 * A fresh injected namespace with the store in it, a pod outside the mesh, and a way to the gateway, for the tests of a file.
 * Everything is gone after them.
 */
export function freshMesh () {
  const name = `e2e-${randomBytes(3).toString('hex')}`
  const outsideName = `${name}-outside`
  const mesh = {
    kubectl: new Kubectl(name),
    gateway: undefined as unknown as Gateway,
    /** curl from a pod that has no sidecar; what it prints. */
    curlOutside: (...args: string[]) => new Kubectl(outsideName).try(['exec', 'outside', '--', 'curl', '-sS', '--max-time', '10', ...args]),
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
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: outsideName } }
      ]
    }))
    await refuseOtherClaims()
    mesh.gateway = await openGateway()
    await new Kubectl(outsideName).run(['run', 'outside', '--image=curlimages/curl', '--image-pull-policy=IfNotPresent', '--command', '--', 'sleep', '3600'])
    await mesh.kubectl.run(['apply', '--kustomize', k8s('')])
    await mesh.kubectl.rolledOut('catalog', 'webapp', 'forum')
    await new Kubectl(outsideName).run(['wait', '--for=condition=Ready', 'pod/outside', '--timeout=60s'])
  })

  afterAll(async () => {
    mesh.gateway?.close()
    try {
      await mesh.kubectl.run(['delete', 'gateways.networking.istio.io,virtualservices', '--all']) // at once: they claim the gateway for the next file
    } finally {
      await new Kubectl('default').run(['delete', 'namespace', name, outsideName, '--wait=false'])
    }
  })
  return mesh
}

/** Of two Gateways that claim every host of the ingress gateway the older one wins, and the tests would ask somebody else's store. */
async function refuseOtherClaims (): Promise<void> {
  const { items } = await new Kubectl('default').json<{ items: { metadata: { name: string, namespace: string }, spec: { servers: { hosts: string[] }[] } }[] }>(
    ['get', 'gateways.networking.istio.io', '--all-namespaces'])
  const claims = items.filter(({ spec }) => spec.servers.some(({ hosts }) => hosts.some(host => host.replace(/^.*\//, '') === '*')))
  if (claims.length > 0) {
    throw new Error(`the host * is claimed already: delete ${claims.map(({ metadata }) => `Gateway ${metadata.name} in ${metadata.namespace}`).join(', ')} first`)
  }
}
