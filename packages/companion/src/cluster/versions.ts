import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { ROOT } from './command.ts'
import type { Kubectl, KubeObject } from './kubectl.ts'
import { Trouble } from './errors.ts'

/** A version, as text and as numbers. */
export interface Version {
  text: string
  /** major, minor and, if the text has one, patch */
  numbers: number[]
}

/**
 * The version in a text such as `1.24.3-asm.1`, `v1.33.1-gke.100` or `1.31-lab`.
 *
 * @returns undefined if the text does not begin with a version, such as `unknown` or `latest`
 */
export function parseVersion (text: string): Version | undefined {
  const [, version, major, minor, patch] = /^v?((\d+)\.(\d+)(?:\.(\d+))?(?:[-+.][\w.+-]*)?)$/.exec(text.trim()) ?? []
  if (version === undefined) return undefined
  return { text: version, numbers: [major, minor, patch].flatMap(number => number === undefined ? [] : Number(number)) }
}

/** Whether a version is older than another one. The patch counts only if both versions have one. */
export function isOlder ({ numbers }: Version, than: Version): boolean {
  const at = numbers.findIndex((number, i) => number !== (than.numbers[i] ?? number))
  return at !== -1 && (numbers[at] as number) < (than.numbers[at] as number)
}

/** The variables of scripts/versions.env. */
export const settings = parseEnv(readFileSync(join(ROOT, 'scripts/versions.env'), 'utf8')) as Record<string, string>

const oldest = (setting: string) => parseVersion(settings[setting] as string) as Version

/** The oldest versions that the exercises work with. */
export const OLDEST = {
  istio: oldest('ISTIO_OLDEST'),
  kubernetes: oldest('KUBERNETES_OLDEST'),
  gatewayApi: oldest('GATEWAY_API_OLDEST')
}

const UPGRADE = 'Upgrade it: https://istio.io/latest/docs/setup/upgrade/. ' +
  'Or choose another cluster: kubectl config get-contexts, kubectl config use-context NAME.'

/**
 * Makes sure that the cluster's Istio is new enough for the exercises.
 *
 * @param note called with a warning if Kubernetes is older than Istio supports: the exercises may still work there
 * @returns the version of Istio; undefined if the cluster does not reveal it
 * @throws {Trouble} when Istio is older
 */
export async function requireSupportedIstio (
  kubectl: Kubectl, note: (text: string) => void
): Promise<Version | undefined> {
  const [istio, kubernetes] = await Promise.all([istioVersion(kubectl), kubernetesVersion(kubectl)])
  if (kubernetes !== undefined && isOlder(kubernetes, OLDEST.kubernetes)) {
    note(`Kubernetes ${kubernetes.text} is older than ${OLDEST.kubernetes.text}, ` +
      `the oldest that Istio ${OLDEST.istio.text} supports. ` +
      'If an exercise fails for no clear reason, upgrade the cluster.')
  }
  if (istio === undefined ? !await hasNetworkingV1(kubectl) : isOlder(istio, OLDEST.istio)) {
    const found = istio === undefined ? 'The cluster\'s Istio has no networking.istio.io/v1: it' : `Istio ${istio.text}`
    throw new Trouble(`${found} is older than ${OLDEST.istio.text}, the oldest that the exercises work with.`, UPGRADE)
  }
  return istio
}

/**
 * Makes sure that Istio is new enough for one exercise.
 *
 * @param needed the oldest version with which the exercise works
 * @param istio the cluster's version; if it is unknown, the exercise runs
 * @throws {Error} when the cluster's version is older
 */
export function requireIstioVersion (needed: string, istio: Version | undefined): void {
  if (istio === undefined || !isOlder(istio, parseVersion(needed) as Version)) return
  throw new Error(`This exercise needs Istio ${needed} or newer, and the cluster has ${istio.text}. ` +
    'Upgrade it, or go on without this exercise.')
}

/**
 * Explains why the API server refuses a manifest that is newer than the cluster.
 *
 * @param message the error that kubectl printed
 * @param path the manifest, below k8s/
 * @returns undefined if the refusal has another reason
 */
export function explainRefusal (message: string, path: string, istio: Version | undefined): string | undefined {
  const [, kind, version] = /no matches for kind "([^"]+)" in version "([^"]+)"/.exec(message) ?? []
  const [, field] = /unknown field "([^"]+)"/.exec(message) ?? []
  if (kind === undefined && field === undefined) return undefined
  const unknown = kind === undefined ? `the field ${field}` : `the kind ${kind} of ${version}`
  const found = istio === undefined ? '' : `, and the cluster has ${istio.text}`
  const advice = path.startsWith('gateway-api/')
    ? `The Gateway API must be ${OLDEST.gatewayApi.text} or newer, from its experimental channel: ` +
      gatewayApiInstallCommand()
    : `The oldest Istio that works is ${OLDEST.istio.text}${found}. ` +
      'Its CRDs may be older than Istio itself: kubectl get crds -l app=istio-pilot'
  return `The cluster does not know ${unknown}, which k8s/${path} uses. ${advice}`
}

/** The command that installs the Gateway API. */
export const gatewayApiInstallCommand = () =>
  'kubectl apply --server-side -f https://github.com/kubernetes-sigs/gateway-api/' +
  `releases/download/${settings['GATEWAY_API_VERSION']}/experimental-install.yaml`

/** The version of the newest control plane. During an upgrade there are two, and the CRDs belong to the newer one. */
async function istioVersion (kubectl: Kubectl): Promise<Version | undefined> {
  const { code, stdout } = await kubectl.tryCluster(['get', 'pods', '-A', '-l', 'app=istiod', '-o', 'json'])
  if (code !== 0) return undefined // the user may not list Pods
  const { items } = JSON.parse(stdout) as { items: IstiodPod[] }
  const versions = await Promise.all(items.map(pod => versionOf(kubectl, pod)))
  return versions.filter(version => version !== undefined).sort((a, b) => isOlder(a, b) ? -1 : 1).at(-1)
}

interface IstiodPod extends KubeObject {
  metadata: KubeObject['metadata'] & { namespace: string }
  spec: { containers: { image: string }[] }
}

/**
 * The version in the tag of istiod's image. If the tag has none, istiod itself is asked. Its label
 * app.kubernetes.io/version cannot be used: `istioctl install` always sets it to 1.0.0.
 */
async function versionOf (kubectl: Kubectl, { metadata: { name, namespace }, spec }: IstiodPod) {
  const tags = spec.containers.map(({ image }) => /:([^:/@]+)(?:@.*)?$/.exec(image)?.[1] ?? '')
  const [version] = tags.flatMap(tag => parseVersion(tag) ?? [])
  if (version !== undefined) return version
  const path = `/api/v1/namespaces/${namespace}/pods/${name}:15014/proxy/version`
  const { stdout } = await kubectl.tryCluster(['get', '--raw', path, '--request-timeout=5s'])
  return parseVersion(stdout)
}

async function kubernetesVersion (kubectl: Kubectl): Promise<Version | undefined> {
  const { code, stdout } = await kubectl.tryCluster(['version', '-o', 'json'])
  if (code !== 0) return undefined
  const { serverVersion } = JSON.parse(stdout) as { serverVersion?: { gitVersion?: string } }
  return parseVersion(serverVersion?.gitVersion ?? '')
}

async function hasNetworkingV1 (kubectl: Kubectl): Promise<boolean> {
  const { code, stdout } = await kubectl.tryCluster(['get', '--raw', '/apis/networking.istio.io'])
  if (code !== 0) return true // unknown; if Istio is too old, a later step says so
  return (JSON.parse(stdout) as { versions: { version: string }[] }).versions.some(({ version }) => version === 'v1')
}
