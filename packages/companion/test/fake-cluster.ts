import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { ROOT, type CommandResult } from '../src/cluster/command.ts'
import { Kubectl, type Execute, type KubeObject } from '../src/cluster/kubectl.ts'
import { keyOf } from '../src/cluster/manifests.ts'
import { answering, type Answer } from './fake-kubectl.ts'

type Stored = KubeObject & { data?: Record<string, string>, stringData?: Record<string, string> }

const printed = (stdout: string): CommandResult => ({ code: 0, stdout, stderr: '' })
const failed = (stderr: string): CommandResult => ({ code: 1, stdout: '', stderr })

/** The kinds that a `kubectl get` lists, by what is asked for. */
const LISTS: Record<string, (object: KubeObject) => boolean> = {
  pods: ({ kind }) => kind === 'Pod',
  deployments: ({ kind }) => kind === 'Deployment',
  replicasets: ({ kind }) => kind === 'ReplicaSet',
  services: ({ kind }) => kind === 'Service',
  serviceaccounts: ({ kind }) => kind === 'ServiceAccount',
  'istio-io': ({ apiVersion }) => apiVersion.includes('istio.io/')
}

/** A small cluster in memory that records its commands. It supports the kubectl commands that the tests need. */
export class FakeCluster {
  readonly objects = new Map<string, Stored>()
  /** the arguments of each command, separated by spaces */
  readonly commands: string[] = []
  readonly #others: Execute
  #version = 0

  /** @param answers for commands that it does not support, or should answer differently */
  constructor (objects: Stored[] = [], ...answers: Answer[]) {
    for (const object of objects) this.put(object)
    this.#others = answering(...answers)
  }

  /** kubectl in a namespace of this cluster. */
  kubectl (namespace = 'shop'): Kubectl {
    return new Kubectl(namespace, { execute: this.execute })
  }

  /** Creates or replaces an object without a command. */
  put (object: Stored, namespace = 'shop'): string {
    const { stringData = {}, ...stored } = structuredClone(object)
    const data = Object.entries(stringData).map(([name, text]) => [name, Buffer.from(text).toString('base64')])
    const resourceVersion = String(++this.#version)
    const metadata = { ...stored.metadata, resourceVersion }
    const all = { ...stored, metadata, ...(data.length > 0 && { data: Object.fromEntries(data) }) }
    this.objects.set(keyOf(object, namespace), all)
    return resourceVersion
  }

  readonly execute: Execute = async (name, args, options) => {
    const [namespace, words] = args[0] === '-n' ? [args[1] as string, args.slice(2)] : ['', args]
    this.commands.push([...name === 'kubectl' ? [] : [name], ...words].join(' '))
    const other = await this.#others(name, args, options)
    if (!other.stderr.startsWith('unexpected: ')) return other
    const [verb, ...rest] = words
    const input = options.input ?? ''
    switch (verb) {
      case 'get': return this.#get(namespace, rest)
      case 'create': case 'replace': case 'apply': return this.#write(verb, namespace, rest, input)
      case 'delete': return this.#delete(namespace, rest)
      case 'patch': return this.#patch(namespace, rest)
      case 'rollout': case 'wait': return printed('')
      default: return other
    }
  }

  #get (namespace: string, words: string[]): CommandResult {
    const inNamespace = [...this.objects].filter(([key]) => key.startsWith(`${namespace}:`)).map(([, object]) => object)
    const lists = (words[0] ?? '').split(',').flatMap(word => LISTS[word] ?? [])
    if (lists.length > 0) {
      const selector = words.includes('-l') ? words[words.indexOf('-l') + 1] : undefined
      const found = inNamespace.filter(object => lists.some(isListed => isListed(object)) && matches(object, selector))
      return printed(JSON.stringify({ items: found }))
    }
    const names = words[0] === 'secret' ? [`secret/${words[1]}`] : words.filter(word => word.includes('/'))
    const found = names.flatMap(name => this.objects.get(`${namespace}:${name}`) ?? [])
    return printed(found.length === 0 ? '' : JSON.stringify(found.length === 1 ? found[0] : { items: found }))
  }

  #write (verb: string, namespace: string, words: string[], input: string): CommandResult {
    const file = words[words.indexOf('-f') + 1] as string
    const text = file === '-' ? input : readFileSync(join(ROOT, file), 'utf8')
    const documents = parseAllDocuments(text).map(document => document.toJS() as Stored & { items?: Stored[] })
    let version = ''
    for (const object of documents.flatMap(document => document.items ?? [document])) {
      const present = this.objects.get(keyOf(object, namespace))
      const { resourceVersion } = object.metadata
      if (verb === 'create' && present !== undefined) return failed('Error from server (AlreadyExists)')
      if (verb === 'replace' && present === undefined) return failed('Error from server (NotFound)')
      const isOutdated = resourceVersion !== undefined && resourceVersion !== present?.metadata['resourceVersion']
      if (isOutdated) return failed('Error from server (Conflict)')
      version = this.put(object, namespace)
    }
    return printed(words.some(word => word.startsWith('jsonpath=')) ? version : '')
  }

  #delete (namespace: string, words: string[]): CommandResult {
    const names = words[0] === 'secret' ? [`secret/${words[1]}`] : words.filter(word => word.includes('/'))
    for (const name of names) this.objects.delete(`${namespace}:${name}`)
    if (words[0] === 'namespace') {
      for (const key of this.objects.keys()) if (key.startsWith(`${words[1]}:`)) this.objects.delete(key)
    }
    return printed('')
  }

  #patch (namespace: string, words: string[]): CommandResult {
    const key = `${namespace}:${words[0]}`
    const object = structuredClone(this.objects.get(key)) as unknown as Record<string, Record<string, unknown>>
    const file = (words.find(word => word.startsWith('--patch-file=')) as string).replace('--patch-file=', '')
    const operations = JSON.parse(readFileSync(file, 'utf8')) as { op: string, path: string, value: unknown }[]
    for (const { op, path, value } of operations) {
      const [, ...fields] = path.split('/')
      const owner = (fields.length === 2 ? object['metadata'] : object) as Record<string, unknown>
      const field = fields.at(-1) as string
      if (op === 'remove') delete owner[field]
      else owner[field] = value
    }
    this.put(object as unknown as Stored)
    return printed('')
  }
}

/** Whether an object has the labels of a selector such as `app=webapp` or `app in (catalog,webapp)`. */
function matches ({ metadata }: KubeObject, selector: string | undefined): boolean {
  if (selector === undefined) return true
  const [, label = '', one, several] = /^([\w-]+)(?:=(.*)| in \((.*)\))$/.exec(selector) ?? []
  const value = (metadata['labels'] as Record<string, string> | undefined)?.[label] ?? ''
  return (several?.split(',') ?? [one]).includes(value)
}
