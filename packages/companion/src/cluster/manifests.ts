import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { ROOT } from './command.ts'
import type { IngressGateway } from './gateway.ts'
import { renamings, replaced, type Images } from './images.ts'
import type { Input, Kubectl, KubeObject } from './kubectl.ts'

/** A file or folder beneath k8s/, and how it gets into the cluster. */
export interface Manifest {
  objects: KubeObject[]
  /** where its objects say that they belong; that of the exercises where they say nothing */
  namespace: string
  /** arguments of kubectl after `apply` */
  args: string[]
  input?: Input
}

/** What this run changes in a manifest. */
export interface ManifestOptions {
  /** takes the place of the host `*`, and of the domain of the others */
  host?: string | undefined
  /** by a word in the file: the file whose text takes its place */
  values?: Record<string, string>
  /** by service: the image that replaces the one in the manifest */
  images?: Images
  /** replaces the book's gateway, in selectors and as the namespace of objects beside the gateway */
  gateway?: Pick<IngressGateway, 'namespace' | 'selector'> | undefined
}

/** Where a file or folder beneath k8s/ is in the project. */
export const pathOf = (file: string) => join('k8s', file)

/** How kubectl takes a path of the project: a folder is a kustomization. */
export const argumentsFor = (path: string) => [statSync(join(ROOT, path)).isDirectory() ? '-k' : '-f', path]

/** The domain of the book's hosts. */
export const DOMAIN = 'istioinaction.io'

/** Where the names of Services end that a manifest has in full: with the book's namespace. */
const WHOLE_NAME = '.istioinaction.svc.cluster.local'

/** How the files select the ingress gateway, as the book does. */
const SELECTOR = 'istio: ingressgateway'

/**
 * Reads a manifest. Whole names of Services in it get kubectl's namespace.
 */
export async function manifest (kubectl: Kubectl, path: string, options: ManifestOptions = {}): Promise<Manifest> {
  const { host, values = {}, images = {}, gateway } = options
  const file = pathOf(path)
  const args = argumentsFor(file)
  const of = (objects: KubeObject[]) => ({ objects, namespace: objects[0]?.metadata.namespace ?? kubectl.namespace })
  const isFolder = args[0] === '-k'
  const text = isFolder ? await kubectl.run(['kustomize', file]) : readFileSync(join(ROOT, file), 'utf8')
  const inNamespace = WHOLE_NAME.replace('istioinaction', kubectl.namespace)
  const changes = [
    ...renamings(images),
    ...host !== undefined && /^kind: (Gateway|VirtualService|HTTPRoute)$/m.test(text)
      ? [{ from: /"\*"/, to: `"${host}"`, sed: `s/"\\*"/"${host}"/` }, { from: new RegExp(DOMAIN), to: host, sed: `s/${DOMAIN}/${host}/` }]
      : [],
    ...gateway !== undefined && text.includes(SELECTOR)
      ? [[SELECTOR, gateway.selector], ['namespace: istio-system', `namespace: ${gateway.namespace}`]].map(([from, to]) => ({ from: new RegExp(from as string), to: to as string, sed: `s|${from}|${to}|` }))
      : [],
    { from: new RegExp(WHOLE_NAME.replaceAll('.', '\\.')), to: inNamespace, sed: `s/${WHOLE_NAME}/${inNamespace}/` },
    ...Object.entries(values).map(([word, source]) => ({ from: new RegExp(`\\b${word}\\b`), to: readFileSync(source, 'utf8').trim(), sed: `s|${word}|$(cat ${source})|` }))
  ].filter(change => replaced(text, change) !== text)
  if (changes.length === 0) return { ...of(parse(text)), args }
  const ours = changes.reduce(replaced, text)
  const script = changes.map(({ sed }) => sed).join('; ')
  const sed = `sed ${script.includes('$(') ? `"${script.replaceAll('"', '\\"')}"` : `'${script}'`}`
  const from = isFolder ? `kubectl kustomize ${file} | ${sed}` : `${sed} ${file}`
  return { ...of(parse(ours)), args: ['-f', '-'], input: { text: ours, from } }
}

function parse (text: string): KubeObject[] {
  return parseAllDocuments(text).map(document => document.toJS() as KubeObject)
}

/**
 * NAMESPACE:TYPE.GROUP/NAME; the same for one object in whatever version of its API.
 *
 * @param home the namespace of objects that name none
 */
export function keyOf ({ apiVersion, kind, metadata }: KubeObject, home: string): string {
  const group = apiVersion.includes('/') ? `.${apiVersion.split('/')[0]}` : ''
  return `${metadata.namespace ?? home}:${`${kind}${group}`.toLowerCase()}/${metadata.name}`
}

/** TYPE.GROUP/NAME of a key, as kubectl takes it. */
export const nameOf = (key: string) => key.slice(key.indexOf(':') + 1)

export const namespaceOf = (key: string) => key.slice(0, key.indexOf(':'))

/** Does something with the keys of each namespace. */
export async function inEach (kubectl: Kubectl, keys: string[], work: (kubectl: Kubectl, keys: string[]) => Promise<unknown>): Promise<void> {
  for (const [namespace, some] of Map.groupBy(keys, namespaceOf)) await work(kubectl.in(namespace), some)
}

export function deploymentsOf (objects: KubeObject[]): string[] {
  return objects.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name)
}

/**
 * Whether an object cannot become the other by a change, but has to be made anew: hardly anything of a Pod can be changed, and of a Secret not its type, of a Deployment not
 * which Pods are its own.
 */
export function isAnother (object: KubeObject, other: KubeObject): boolean {
  const fixed = { Pod: ['spec'], Secret: ['type'], Deployment: ['spec', 'selector'] }[object.kind]
  const part = (of: KubeObject) => fixed?.reduce<unknown>((value, field) => (value as Record<string, unknown> | undefined)?.[field], of)
  return fixed !== undefined && !isDeepStrictEqual(part(object), part(other))
}

/** Several objects as one to be sent to kubectl. */
export function asList (items: KubeObject[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
}
