import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { ROOT } from './command.ts'
import type { Input, Kubectl, KubeObject } from './kubectl.ts'

/** A file or folder beneath k8s/, and how it gets into the cluster. */
export interface Manifest {
  objects: KubeObject[]
  /** arguments of kubectl after `apply` */
  args: string[]
  input?: Input
}

/**
 * Reads a manifest.
 *
 * @param host takes the place of the host `*`
 */
export async function manifest (kubectl: Kubectl, path: string, host?: string): Promise<Manifest> {
  const file = join('k8s', path)
  if (statSync(join(ROOT, file)).isDirectory()) return { objects: parse(await kubectl.run(['kustomize', file])), args: ['-k', file] }
  const text = readFileSync(join(ROOT, file), 'utf8')
  if (host === undefined || !text.includes('"*"')) return { objects: parse(text), args: ['-f', file] }
  const ours = text.replaceAll('"*"', `"${host}"`)
  return { objects: parse(ours), args: ['-f', '-'], input: { text: ours, from: `sed 's/"\\*"/"${host}"/' ${file}` } }
}

function parse (text: string): KubeObject[] {
  return parseAllDocuments(text).map(document => document.toJS() as KubeObject)
}

/** TYPE.GROUP/NAME, as kubectl takes it; the same for one object in whatever version of its API. */
export function keyOf ({ apiVersion, kind, metadata }: KubeObject): string {
  const group = apiVersion.includes('/') ? `.${apiVersion.split('/')[0]}` : ''
  return `${kind}${group}/${metadata.name}`.toLowerCase()
}

export function deploymentsOf (objects: KubeObject[]): string[] {
  return objects.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name)
}

/** Several objects as one to be sent to kubectl. */
export function asList (items: KubeObject[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
}
