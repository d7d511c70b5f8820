import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { ROOT } from './command.ts'
import type { IngressGateway } from './gateway.ts'
import { renamings, replaced, type Images, type Replacement } from './images.ts'
import type { Input, Kubectl, KubeObject } from './kubectl.ts'

/** A file or folder beneath k8s/, and how kubectl applies it. */
export interface Manifest {
  objects: KubeObject[]
  /** the namespace that its objects name, or that of the exercises if they name none */
  namespace: string
  /** arguments of kubectl after `apply` */
  args: string[]
  input?: Input
}

/** What a run changes in a manifest. */
export interface ManifestOptions {
  /** replaces the host `*`, and the domain of the other hosts */
  host?: string | undefined
  /** by a word in the file: the path of the file whose text replaces it */
  values?: Record<string, string>
  /** by service: the image that replaces the one in the manifest */
  images?: Images
  /** replaces the book's gateway, in selectors and as the namespace of objects beside the gateway */
  gateway?: Pick<IngressGateway, 'namespace' | 'selector'> | undefined
}

/** The path in the project of a file or folder beneath k8s/. */
export const pathOf = (file: string) => join('k8s', file)

/** kubectl's arguments for a path of the project: a folder is a kustomization. */
export const argumentsFor = (path: string) => [statSync(join(ROOT, path)).isDirectory() ? '-k' : '-f', path]

/** The domain of the book's hosts. */
export const DOMAIN = 'istioinaction.io'

/** The end of the full names of Services in manifests, with the book's namespace. */
const FULL_NAME = '.istioinaction.svc.cluster.local'

/** How the files select the ingress gateway, as the book does. */
const SELECTOR = 'istio: ingressgateway'

/** Everything that a run replaces in the text of a manifest, in this order. */
function replacementsIn (text: string, namespace: string, options: ManifestOptions): Replacement[] {
  const { host, values = {}, images = {}, gateway } = options
  const withSed = (from: string, to: string, by: '/' | '|'): Replacement =>
    ({ from: new RegExp(from.replaceAll('.', '\\.')), to, sed: `s${by}${from}${by}${to}${by}` })
  const hasHosts = /^kind: (Gateway|VirtualService|HTTPRoute)$/m.test(text)
  const all = [
    ...renamings(images),
    ...host === undefined || !hasHosts
      ? []
      : [{ from: /"\*"/, to: `"${host}"`, sed: `s/"\\*"/"${host}"/` }, withSed(DOMAIN, host, '/')],
    ...gateway === undefined || !text.includes(SELECTOR)
      ? []
      : [
          withSed(SELECTOR, gateway.selector, '|'),
          withSed('namespace: istio-system', `namespace: ${gateway.namespace}`, '|')
        ],
    withSed(FULL_NAME, FULL_NAME.replace('istioinaction', namespace), '/'),
    ...Object.entries(values).map(([word, source]) => {
      const to = readFileSync(source, 'utf8').trim()
      return { from: new RegExp(`\\b${word}\\b`), to, sed: `s|${word}|$(cat ${source})|` }
    })
  ]
  return all.filter(replacement => replaced(text, replacement) !== text)
}

/** Reads a manifest, with the full names of Services in kubectl's namespace. */
export async function readManifest (kubectl: Kubectl, path: string, options: ManifestOptions = {}): Promise<Manifest> {
  const file = pathOf(path)
  const args = argumentsFor(file)
  const withNamespace = (objects: KubeObject[]) =>
    ({ objects, namespace: objects[0]?.metadata.namespace ?? kubectl.namespace })
  const isFolder = args[0] === '-k'
  const text = isFolder ? await kubectl.run(['kustomize', file]) : readFileSync(join(ROOT, file), 'utf8')
  const replacements = replacementsIn(text, kubectl.namespace, options)
  if (replacements.length === 0) return { ...withNamespace(parse(text)), args }
  const changed = replacements.reduce(replaced, text)
  const script = replacements.map(({ sed }) => sed).join('; ')
  const sed = `sed ${script.includes('$(') ? `"${script.replaceAll('"', '\\"')}"` : `'${script}'`}`
  const from = isFolder ? `kubectl kustomize ${file} | ${sed}` : `${sed} ${file}`
  return { ...withNamespace(parse(changed)), args: ['-f', '-'], input: { text: changed, from } }
}

function parse (text: string): KubeObject[] {
  return parseAllDocuments(text).map(document => document.toJS() as KubeObject)
}

/**
 * The key of an object: NAMESPACE:TYPE.GROUP/NAME. It is the same in all versions of the object's API.
 *
 * @param home the namespace of objects that name none
 */
export function keyOf ({ apiVersion, kind, metadata }: KubeObject, home: string): string {
  const group = apiVersion.includes('/') ? `.${apiVersion.split('/')[0]}` : ''
  return `${metadata.namespace ?? home}:${`${kind}${group}`.toLowerCase()}/${metadata.name}`
}

/** TYPE.GROUP/NAME of a key, as kubectl reads it. */
export const resourceOf = (key: string) => key.slice(key.indexOf(':') + 1)

/** The namespace of a key. */
export const namespaceOf = (key: string) => key.slice(0, key.indexOf(':'))

/** Calls `work` for each namespace, for all of them at once, with its kubectl and its keys. */
export async function inEach (
  kubectl: Kubectl, keys: string[], work: (kubectl: Kubectl, keys: string[]) => Promise<unknown>
): Promise<void> {
  const groups = [...Map.groupBy(keys, namespaceOf)]
  await Promise.all(groups.map(([namespace, some]) => work(kubectl.in(namespace), some)))
}

/** The names of the Deployments among these objects. */
export function deploymentsOf (objects: KubeObject[]): string[] {
  return objects.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name)
}

/** Fields that the API server does not let anyone change: hardly anything of a Pod can be changed. */
const IMMUTABLE: Record<string, string[]> = { Pod: ['spec'], Secret: ['type'], Deployment: ['spec', 'selector'] }

/** Whether an object must be deleted and made again to become the other, since they differ in an immutable field. */
export function mustBeRecreated (object: KubeObject, other: KubeObject): boolean {
  const path = IMMUTABLE[object.kind]
  const part = (of: KubeObject) =>
    path?.reduce<unknown>((value, field) => (value as Record<string, unknown> | undefined)?.[field], of)
  return path !== undefined && !isDeepStrictEqual(part(object), part(other))
}

/** Where `kubectl apply` keeps the manifest that it has applied. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/**
 * Whether `kubectl apply` would change nothing: it has applied this very object, and the object in the cluster still
 * has every value of it. A value that the API server writes differently, such as `0.5` CPUs, counts as a change.
 */
export function isAsApplied (object: KubeObject, present: KubeObject | undefined): boolean {
  const annotations = present?.metadata['annotations'] as Record<string, string> | undefined
  const applied = annotations?.[LAST_APPLIED]
  if (present === undefined || applied === undefined) return false
  const { apiVersion, ...fields } = object // the API server shows the version that it prefers
  return isDeepStrictEqual(withoutAdded(JSON.parse(applied) as KubeObject), withoutAdded(object)) &&
    contains(present, fields)
}

/** An object without what kubectl adds when it records it: its namespace, and annotations even if there are none. */
function withoutAdded ({ metadata: { namespace, annotations, ...metadata }, ...object }: KubeObject): object {
  const hasAnnotations = Object.keys(annotations ?? {}).length > 0
  return { ...object, metadata: { ...metadata, ...(hasAnnotations && { annotations }) } }
}

/** Whether a value has all fields of another one. Lists must be equally long. */
function contains (value: unknown, part: unknown): boolean {
  if (Array.isArray(part)) {
    return Array.isArray(value) && value.length === part.length && part.every((each, i) => contains(value[i], each))
  }
  if (typeof part !== 'object' || part === null) return value === part
  return typeof value === 'object' && value !== null &&
    Object.entries(part).every(([field, each]) => contains((value as Record<string, unknown>)[field], each))
}

/** Several objects as one text for kubectl. */
export function asList (items: KubeObject[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
}
