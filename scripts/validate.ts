// npm run validate [-- --cluster]: checks the YAML files of the project. The package kubernetes-models has the schemas
// of the manifests, generated from the API definitions: its validators check types and values, and its TypeScript types
// check the names of fields. promtool, if installed, tests the rules of Prometheus. With --cluster, the API server of
// the current kubectl context and istioctl check the manifests too.
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import ts from 'typescript'
import { parseAllDocuments } from 'yaml'
import { BUILT, imageOf } from '../packages/companion/src/cluster/images.ts'
import { ROOT, SERVICES } from './project.ts'

interface Manifest {
  apiVersion: string
  kind: string
  metadata?: { name?: string, namespace?: string }
}

/** The parts of an Istio Gateway and of a VirtualService that this script reads. */
interface Routing extends Manifest {
  spec: { hosts?: string[], gateways?: string[], servers?: { hosts: string[] }[] }
}

interface Kustomization extends Manifest {
  resources?: string[]
  components?: string[]
}

interface Found {
  file: string
  manifest: Manifest
}

process.chdir(ROOT)
const { values: { cluster = false } } = parseArgs({ options: { cluster: { type: 'boolean' } } })
const problems: string[] = []

/** Only objects for the whole mesh have a namespace, and it is one of these. */
const NAMESPACES_OF_MESH = ['istio-system', 'observability']
/** The packages with the models of API groups that do not belong to Kubernetes itself. */
const LIBRARIES = [
  ['istio.io/', '@kubernetes-models/istio'],
  ['gateway.networking.k8s.io/', '@kubernetes-models/gateway-api'],
  ['monitoring.coreos.com/', '@kubernetes-models/prometheus-operator']
] as const
const COMPONENTS = globSync('k8s/components/*').sort()

const files = globSync(['k8s/**/*.{yaml,yml}', 'observability/mesh/*.yaml']).sort()
// An IstioOperator is input for istioctl, and no package has a model of it.
const documents = files.flatMap(read).filter(({ manifest }) => manifest.kind !== 'IstioOperator')
const kustomizations = documents.filter(({ manifest }) => manifest.apiVersion.startsWith('kustomize.config.k8s.io/'))
const manifests = documents.filter(document => !kustomizations.includes(document))

for (const kustomization of kustomizations) checkKustomization(kustomization)
for (const document of manifests) await checkValues(document)
checkNames(manifests)
if (isInstalled('kubectl', 'version', '--client')) {
  for (const components of combinations(COMPONENTS)) {
    const subject = `k8s with ${components.join(', ')}`
    withComponents(components, folder => runCheck(subject, 'kubectl', ['kustomize', folder]))
  }
} else {
  console.warn('NOT CHECKED, since kubectl is not installed: whether all combinations of the components work')
}
if (isInstalled('docker', 'compose', 'version')) {
  const layers = ['docker-compose.yml', 'docker-compose.observability.yml']
  for (const files of [layers.slice(0, 1), layers]) {
    const options = files.flatMap(file => ['--file', file])
    runCheck(files.join(' '), 'docker', ['compose', ...options, 'config', '--quiet'])
  }
} else {
  console.warn('NOT CHECKED, since docker compose is not installed: docker-compose*.yml')
}
if (isInstalled('promtool', '--version')) {
  const [config, rules] = ['observability/prometheus/prometheus.yml', 'observability/prometheus/rules.test.yml']
  runCheck(config, 'promtool', ['check', 'config', config])
  runCheck(rules, 'promtool', ['test', 'rules', rules])
} else {
  console.warn('NOT CHECKED, since promtool is not installed: observability/prometheus')
}
if (cluster) checkInCluster()

for (const problem of problems) console.error(problem)
const hint = cluster ? '' : ' (a cluster can check more: npm run validate -- --cluster)'
console.log(`${files.length} files, ${problems.length} problems${hint}`)
process.exitCode = problems.length === 0 && manifests.length > 0 ? 0 : 1

/** The documents of a file, without those that cannot be read. */
function read (file: string): Found[] {
  const parsed = parseAllDocuments(readFileSync(file, 'utf8'))
  if (!Array.isArray(parsed) || parsed.length === 0) {
    problems.push(`${file}: the file is empty`)
    return []
  }
  return parsed.flatMap(document => {
    for (const error of document.errors) problems.push(`${file}: ${error.message}`)
    const manifest = document.errors.length === 0 ? document.toJS() as Manifest | null : undefined
    if (manifest === undefined) return []
    if (typeof manifest?.apiVersion === 'string' && typeof manifest.kind === 'string') return [{ file, manifest }]
    problems.push(`${file}: a document has no apiVersion or no kind`)
    return []
  })
}

/** All subsets, including the empty one. */
function combinations<T> (items: T[]): T[][] {
  return items.reduce<T[][]>((subsets, item) => [...subsets, ...subsets.map(subset => [...subset, item])], [[]])
}

/** The package that has the models of an API version, with the path in it. */
function libraryOf (apiVersion: string): string {
  const [, library = 'kubernetes-models'] = LIBRARIES.find(([group]) => apiVersion.includes(group)) ?? []
  return `${library}/${apiVersion}`
}

/** Checks types and values with the validators, and the rules of this project. */
async function checkValues ({ file, manifest }: Found): Promise<void> {
  const { apiVersion, kind, metadata } = manifest
  const subject = `${file}: ${kind} ${metadata?.name ?? 'without a name'}`
  // Readers apply the manifests to a namespace of their choice. Only objects for the whole mesh have a fixed one.
  if (metadata?.namespace !== undefined && !NAMESPACES_OF_MESH.includes(metadata.namespace)) {
    problems.push(`${subject} has the namespace ${metadata.namespace}: remove it, because readers choose the namespace`)
  }

  const text = JSON.stringify(manifest)
  // The image sets a user, and a cluster can require another one: OpenShift gives each namespace a range of uids.
  for (const field of ['runAsUser', 'runAsGroup', 'fsGroup'].filter(field => text.includes(`"${field}":`))) {
    problems.push(`${subject} sets ${field}: remove it, because the image or the cluster sets it`)
  }
  for (const [, image = ''] of text.matchAll(/"image":"([^"]*outfitters[^"]*)"/g)) {
    if (SERVICES.some(service => image === imageOf(BUILT, service))) continue
    problems.push(`${subject} has the image ${image}, which OUTFITTERS_IMAGES cannot replace: ` +
      'use localhost/outfitters/NAME:dev, where NAME is a folder of services/')
  }

  let models: Record<string, new (data: Manifest) => { validate: () => void }>
  try {
    models = await import(`${libraryOf(apiVersion)}/${kind}`)
  } catch {
    problems.push(`${subject}: ${libraryOf(apiVersion)} has no model of ${kind}: check apiVersion and kind`)
    return
  }
  try {
    const Model = models[kind]
    if (Model !== undefined) new Model(manifest).validate()
  } catch (error) {
    problems.push(`${subject}: ${(error as Error).message}`)
  }
}

/** Checks the names of fields with the types: TypeScript compiles each document as an object literal. */
function checkNames (found: Found[]): void {
  const name = join(process.cwd(), 'manifests.ts')
  const linesOf = ({ manifest }: Found, index: number) => [
    `import type { I${manifest.kind} as Type${index} } from '${libraryOf(manifest.apiVersion)}'`,
    `export const document${index}: Type${index} = ${JSON.stringify(manifest)}`
  ]
  const source = found.flatMap(linesOf).join('\n')
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ESNext,
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: []
  }
  const host = ts.createCompilerHost(options)
  const program = ts.createProgram([name], options, {
    ...host,
    fileExists: path => path === name || host.fileExists(path),
    readFile: path => path === name ? source : host.readFile(path),
    getSourceFile: (path, ...rest) => path === name
      ? ts.createSourceFile(path, source, ts.ScriptTarget.ESNext)
      : host.getSourceFile(path, ...rest)
  })
  for (const { file, start = 0, messageText } of ts.getPreEmitDiagnostics(program)) {
    const index = file?.fileName === name ? Math.floor(file.getLineAndCharacterOfPosition(start).line / 2) : NaN
    problems.push(`${found[index]?.file ?? 'types'}: ${ts.flattenDiagnosticMessageText(messageText, ': ')}`)
  }
}

/** Checks the fields of a kustomization, for which no package has a schema, and the files that it names. */
function checkKustomization ({ file, manifest }: Found): void {
  const { resources = [], components = [], ...others } = manifest as Kustomization
  const unknown = Object.keys(others).filter(field => !['apiVersion', 'kind', 'patches'].includes(field))
  for (const field of unknown) {
    problems.push(`${file}: unexpected field ${field}; if it is right, allow it in scripts/validate.ts`)
  }
  for (const path of [...resources, ...components]) {
    if (!existsSync(join(dirname(file), path))) problems.push(`${file}: ${path} does not exist`)
  }
}

/** Checks the manifests with the API server, in a dry run, and with istioctl. */
function checkInCluster (): void {
  const dryRun = (namespace = 'default') => ['apply', '--namespace', namespace, '--dry-run=server', '--validate=strict']
  const unknown = unknownGroups()
  const known = manifests.filter(({ manifest }) => !unknown.includes(groupOf(manifest)))
  const paths = [...new Set(known.map(({ file }) => file))]
  for (const path of paths) {
    const found = known.filter(({ file }) => file === path).map(({ manifest }) => manifest)
    // In a dry run, a namespace that the file itself creates does not exist.
    const own = found.find(({ kind }) => kind === 'Namespace')?.metadata?.name
    const items = found.map(manifest => manifest.metadata?.namespace !== own
      ? manifest
      : { ...manifest, metadata: { ...manifest.metadata, namespace: undefined } })
    const namespace = items.find(({ metadata }) => metadata?.namespace !== undefined)?.metadata?.namespace
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
    runCheck(path, 'kubectl', [...dryRun(namespace), '--filename', '-'], list)
  }
  runCheck('k8s', 'kubectl', [...dryRun(), '--kustomize', 'k8s'])
  for (const component of COMPONENTS) {
    if (manifests.some(document => document.file.startsWith(`${component}/`) && !known.includes(document))) continue
    withComponents([component], folder => runCheck(component, 'kubectl', [...dryRun(), '--kustomize', folder]))
  }
  const operator = 'observability/mesh/istio.yaml'
  runCheck(operator, 'istioctl', ['manifest', 'generate', '--set', 'profile=demo', '--filename', operator])
  runCheck('istioctl validate', 'istioctl', ['validate', ...paths.flatMap(path => ['--filename', path])])
  // istioctl analyzes each file of routes together with the store, the subsets of chapter 2, and one file that has its
  // Gateway. If several files have such a Gateway, it analyzes the routes with each of them in turn.
  for (const route of new Set(routing('VirtualService').map(({ file }) => file))) {
    for (const gateway of gatewaysFor(route)) {
      const files = ['k8s/services', 'k8s/istio/ch2/catalog-destinationrule.yaml', ...gateway, route]
      const analyze = ['analyze', '--use-kube=false', '--failure-threshold', 'Warning', ...files]
      runCheck(`istioctl analyze ${[...gateway, route].join(' ')}`, 'istioctl', analyze)
    }
  }
}

/** The manifests of a kind of Istio's networking API. */
function routing (kind: string): { file: string, manifest: Routing }[] {
  const all = manifests.filter(({ manifest }) => manifest.apiVersion.startsWith('networking.istio.io/'))
  return all.filter(({ manifest }) => manifest.kind === kind)
    .map(({ file, manifest }) => ({ file, manifest: manifest as Routing }))
}

/**
 * The files to analyze together with a file of routes: one set for each file whose Gateway has the name and the hosts
 * of the routes. Files in the same folder take precedence. The set is empty if the routes need no other file.
 */
function gatewaysFor (route: string): string[][] {
  const own = routing('Gateway').flatMap(({ file, manifest }) => file === route ? manifest.metadata?.name ?? [] : [])
  const wanted = routing('VirtualService').filter(({ file }) => file === route)
    .flatMap(({ manifest: { spec: { gateways = [], hosts = [] } } }) => gateways.map(name => ({ name, hosts })))
    .filter(({ name }) => name !== 'mesh' && !own.includes(name))
  if (wanted.length === 0) return [[]]
  const serves = ({ metadata, spec: { servers = [] } }: Routing) => wanted.some(({ name, hosts }) =>
    name === metadata?.name && servers.some(server => server.hosts.some(host => host === '*' || hosts.includes(host))))
  const files = [...new Set(routing('Gateway').filter(({ manifest }) => serves(manifest)).map(({ file }) => file))]
  const names = wanted.map(({ name }) => name).join(', ')
  if (files.length === 0) problems.push(`${route}: no file has a Gateway ${names} that serves its hosts`)
  const near = files.filter(file => dirname(file) === dirname(route))
  return (near.length > 0 ? near : files).map(file => [file])
}

/** The API group of a manifest. Empty for the core group. */
function groupOf ({ apiVersion }: Manifest): string {
  return apiVersion.includes('/') ? apiVersion.split('/')[0] as string : ''
}

/** The API groups that the cluster lacks, of those that the store does not need. */
function unknownGroups (): string[] {
  const optional = ['monitoring.coreos.com']
  const versions = execFileSync('kubectl', ['api-versions'], { encoding: 'utf8' })
  const served = versions.split('\n').map(line => line.split('/')[0])
  const unknown = optional.filter(group => !served.includes(group))
  for (const group of unknown) {
    const left = [...new Set(manifests.filter(({ manifest }) => groupOf(manifest) === group).map(({ file }) => file))]
    console.log(`NOT CHECKED by the cluster, since it does not have ${group}: ${left.join(', ')}`)
  }
  return unknown
}

/** Writes a kustomization of the store with some components, calls `use` with its folder, and deletes it. */
function withComponents (components: string[], use: (folder: string) => void): void {
  mkdirSync('node_modules/.cache', { recursive: true })
  const folder = mkdtempSync('node_modules/.cache/validate-')
  try {
    const named = components.map(component => relative(folder, component))
    const kustomization = { resources: [relative(folder, 'k8s')], components: named }
    writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization))
    use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Whether a command runs on this machine. */
function isInstalled (command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Runs a command. If it fails, its output is a problem of the subject. */
function runCheck (subject: string, command: string, args: string[], input = ''): void {
  try {
    execFileSync(command, args, { encoding: 'utf8', input, stdio: 'pipe', maxBuffer: 2 ** 26 })
  } catch (error) {
    const { stderr = '', stdout = '', message } = error as Error & { stderr?: string, stdout?: string }
    problems.push(`${subject}: ${`${stderr.trim()}\n${stdout.trim()}`.trim() || message}`)
  }
}
