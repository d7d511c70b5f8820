import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { ROOT } from '../src/cluster/command.ts'
import { openGateway, type Endpoint } from '../src/cluster/endpoint.ts'
import { findGateway } from '../src/cluster/gateway.ts'
import { BUILT, configuredSource, imagesFrom, renamed } from '../src/cluster/images.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { readManifest } from '../src/cluster/manifests.ts'
import type { Result } from '../src/run/reporter.ts'
import { waitForPod, waitForRollout } from '../src/cluster/workloads.ts'
import { freshName } from './exercises.ts'

/** The exit codes of a run in which nothing failed. With 4, the machine was too busy to judge everything. */
export const NOTHING_FAILED = expect.toSatisfy((code: unknown) => code === 0 || code === 4)

/** The reason to skip the test of an exercise that was not judged; undefined if the exercise passed or failed. */
export function skipReasonFor (result: Result | undefined): string | undefined {
  if (result?.verdict !== 'unjudged') return undefined
  return `not judged: ${result.unjudged?.find(({ disturbed }) => disturbed !== undefined)?.disturbed}`
}

/** A file or folder of k8s/. */
export const k8s = (path: string) => `${ROOT}k8s/${path}`

/** The images of OUTFITTERS_IMAGES that differ from those in the manifests. */
export const images = imagesFrom(configuredSource() ?? BUILT)

/** A manifest's text with these images. */
export const withImages = (text: string) => renamed(text, images)

/** Applies files and folders of k8s/ with these images. */
export async function apply (kubectl: Kubectl, ...paths: string[]): Promise<void> {
  for (const path of paths) await applyWithHost(kubectl, path)
}

/** Applies a file or folder of k8s/ with these images, and with this host instead of `*`. */
export async function applyWithHost (kubectl: Kubectl, path: string, host?: string): Promise<void> {
  const { args, input } = await readManifest(kubectl, path, { images, host })
  await kubectl.run(['apply', ...args], input)
}

/** Applies the store with some folders of k8s/components, from a temporary kustomization. */
export async function applyStore (kubectl: Kubectl, components: string[]): Promise<void> {
  const cache = join(ROOT, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'components-'))
  try {
    const path = (name: string) => relative(folder, k8s(name))
    writeFileSync(
      join(folder, 'kustomization.yaml'),
      JSON.stringify({ resources: [path('')], components: components.map(name => path(`components/${name}`)) })
    )
    await apply(kubectl, relative(k8s(''), folder))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/**
 * A fresh injected namespace with the store, a pod outside the mesh, and a way to the gateway, for the tests of a file.
 * Everything is deleted after them. At the gateway, each file has a host of its own, so files can run side by side.
 *
 * @param options.gateway whether the tests call the store through the ingress gateway
 * @param options.components the folders of k8s/components that the store has from the start
 */
export function freshMesh ({ gateway = true, components = [] as string[] } = {}) {
  const name = freshName()
  const outside = new Kubectl(`${name}-outside`)
  const mesh = {
    kubectl: new Kubectl(name),
    gateway: undefined as unknown as Endpoint,
    /** the host at the gateway: requests for other hosts do not reach this store */
    domain: `${name}.example`,
    /** A request to the store through the gateway. */
    call: (path: string, headers: Record<string, string> = {}) =>
      ({ url: mesh.gateway.origin + path, headers: { host: mesh.domain, ...headers } }),
    /** Applies the book's Gateway and its route to the webapp, for the host of this mesh. */
    exposeStore: () => applyWithHost(mesh.kubectl, 'istio/ch2/ingress-gateway.yaml', mesh.domain),
    /** Runs curl in a pod that has no sidecar. */
    curlOutside: (...args: string[]) =>
      outside.try(['exec', 'outside', '--', 'curl', '-sS', '--max-time', '10', ...args]),
    /** a service's host name as other namespaces call it */
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
    if (gateway) mesh.gateway = await openGateway(cluster, await findGateway(cluster))
    await apply(outside, 'tools/outside.yaml')
    await applyStore(mesh.kubectl, components)
    await waitForRollout(mesh.kubectl, ['catalog', 'webapp', 'forum'])
    await waitForPod(outside, 'outside')
  })

  afterAll(async () => {
    mesh.gateway?.close()
    await new Kubectl('default').run(['delete', 'namespace', name, outside.namespace, '--wait=false'])
  })
  return mesh
}

/** A server that answers with a list of one user, whose fields are the request's headers. */
const SHOW_HEADERS = `require('node:http').createServer(({ headers }, answer) => {
  console.log(JSON.stringify(headers))
  answer.end(JSON.stringify([headers]))
}).listen(8080)`

/** The part of a Deployment that is changed here. */
interface ForumDeployment {
  metadata: object
  spec: {
    selector: { matchLabels: Record<string, string> }
    template: {
      metadata: { labels: Record<string, string>, annotations?: object }
      spec: { serviceAccountName?: string, containers: Record<string, unknown>[] }
    }
  }
}

/**
 * Deploys a stand-in for the users API, `http://users-api`, which answers with the headers that it received. Like the
 * one of ch5.egress, it has no proxy and is not in the mesh's registry. It runs in the forum's image.
 */
export async function deployUsersApiThatShowsHeaders (kubectl: Kubectl): Promise<void> {
  const deployment = await kubectl.json<ForumDeployment>(['get', 'deployment', 'forum'])
  const { selector, template } = deployment.spec
  deployment.metadata = { name: 'users-api' }
  selector.matchLabels = { app: 'users-api' }
  template.metadata = { labels: { app: 'users-api', 'sidecar.istio.io/inject': 'false' } }
  delete template.spec.serviceAccountName
  template.spec.containers = template.spec.containers.map(({ name, image, securityContext, resources }) => ({
    name,
    image,
    securityContext,
    resources,
    args: ['-e', SHOW_HEADERS],
    readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 }
  }))
  await kubectl.applyText(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [usersApiService, deployment] }))
  await waitForRollout(kubectl, ['users-api'])
}

const usersApiService = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'users-api', annotations: { 'networking.istio.io/exportTo': '~' } },
  spec: { selector: { app: 'users-api' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] }
}
