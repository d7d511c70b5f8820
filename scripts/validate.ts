// npm run validate [-- --cluster]: checks the YAML of the project against real schemas. For the manifests these are the ones that
// kubernetes-models makes from the API's own definitions: its validators know types and values, its TypeScript types know
// which names there are. Prometheus' rules are tested where there is promtool. With --cluster the API server of the current kubectl context judges as well, and Istio's tools.
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import ts from 'typescript'
import { parseAllDocuments } from 'yaml'
import { BUILT, imageOf } from '../packages/companion/src/images.ts'
import { ROOT, SERVICES } from './project.ts'

interface Manifest {
  apiVersion: string
  kind: string
  metadata?: { name?: string, namespace?: string }
}

/** The parts of an Istio Gateway and of a VirtualService that are checked here. */
interface Routing extends Manifest {
  spec: { hosts?: string[], gateways?: string[], servers?: { hosts: string[] }[] }
}

interface Found {
  file: string
  manifest: Manifest
}

process.chdir(ROOT)
const { values: { cluster = false } } = parseArgs({ options: { cluster: { type: 'boolean' } } })
const problems: string[] = []

/** Objects for the whole mesh name one of these namespaces. All other objects name none. */
const NAMESPACES_OF_MESH = ['istio-system', 'observability']
/** The models of API groups that are not Kubernetes' own. */
const LIBRARIES = [
  ['istio.io/', '@kubernetes-models/istio'],
  ['gateway.networking.k8s.io/', '@kubernetes-models/gateway-api'],
  ['monitoring.coreos.com/', '@kubernetes-models/prometheus-operator']
] as const
const COMPONENTS = globSync('k8s/components/*').sort()

const files = globSync(['k8s/**/*.{yaml,yml}', 'observability/mesh/*.yaml']).sort()
// An IstioOperator is istioctl's own input, which no library knows.
const documents = files.flatMap(read).filter(({ manifest }) => manifest.kind !== 'IstioOperator')
const kustomizations = documents.filter(({ manifest }) => manifest.apiVersion.startsWith('kustomize.config.k8s.io/'))
const manifests = documents.filter(document => !kustomizations.includes(document))

for (const kustomization of kustomizations) checkKustomization(kustomization)
for (const document of manifests) await checkValues(document)
checkNames(manifests)
if (has('kubectl', 'version', '--client')) {
  for (const components of combinations(COMPONENTS)) {
    withComponents(components, folder => judge(`k8s with ${components.join(', ')}`, 'kubectl', ['kustomize', folder]))
  }
} else {
  console.warn('NOT CHECKED, since there is no kubectl: that the components go together, in all combinations')
}
if (has('docker', 'compose', 'version')) {
  const layers = ['docker-compose.yml', 'docker-compose.observability.yml']
  for (const files of [layers.slice(0, 1), layers]) judge(files.join(' '), 'docker', ['compose', ...files.flatMap(file => ['--file', file]), 'config', '--quiet'])
} else {
  console.warn('NOT CHECKED, since there is no docker compose: docker-compose*.yml')
}
if (has('promtool', '--version')) {
  judge('observability/prometheus/prometheus.yml', 'promtool', ['check', 'config', 'observability/prometheus/prometheus.yml'])
  judge('observability/prometheus/rules.test.yml', 'promtool', ['test', 'rules', 'observability/prometheus/rules.test.yml'])
} else {
  console.warn('NOT CHECKED, since there is no promtool: observability/prometheus')
}
if (cluster) askCluster()

for (const problem of problems) console.error(problem)
console.log(`${files.length} files, ${problems.length} problems${cluster ? '' : ' (without a cluster: --cluster asks one as well)'}`)
process.exitCode = problems.length === 0 && manifests.length > 0 ? 0 : 1

/** The documents of a file, as far as they can be read. */
function read (file: string): Found[] {
  const parsed = parseAllDocuments(readFileSync(file, 'utf8'))
  if (!Array.isArray(parsed) || parsed.length === 0) {
    problems.push(`${file}: is empty`)
    return []
  }
  return parsed.flatMap(document => {
    for (const error of document.errors) problems.push(`${file}: ${error.message}`)
    const manifest = document.errors.length === 0 ? document.toJS() as Manifest | null : undefined
    if (manifest === undefined) return []
    if (typeof manifest?.apiVersion === 'string' && typeof manifest.kind === 'string') return [{ file, manifest }]
    problems.push(`${file}: has a document without apiVersion and kind`)
    return []
  })
}

/** All subsets, the empty one included. */
function combinations<T> (items: T[]): T[][] {
  return items.reduce<T[][]>((subsets, item) => [...subsets, ...subsets.map(subset => [...subset, item])], [[]])
}

/** Where the models of an API version are. */
function libraryOf (apiVersion: string): string {
  const [, library = 'kubernetes-models'] = LIBRARIES.find(([group]) => apiVersion.includes(group)) ?? []
  return `${library}/${apiVersion}`
}

/** Types and values, by the validators. */
async function checkValues ({ file, manifest }: Found): Promise<void> {
  const { apiVersion, kind, metadata } = manifest
  const subject = `${file}: ${kind} ${metadata?.name ?? 'without a name'}`
  // They are applied to whichever injected namespace a reader has, except what belongs to the mesh as a whole.
  if (metadata?.namespace !== undefined && !NAMESPACES_OF_MESH.includes(metadata.namespace)) {
    problems.push(`${subject} names a namespace`)
  }

  const text = JSON.stringify(manifest)
  // The image has a user, and a cluster may require another: OpenShift gives each namespace a range of uids.
  for (const field of ['runAsUser', 'runAsGroup', 'fsGroup'].filter(field => text.includes(`"${field}":`))) {
    problems.push(`${subject} sets ${field}, which the image or the cluster must decide: remove it`)
  }
  for (const [, image = ''] of text.matchAll(/"image":"([^"]*outfitters[^"]*)"/g)) {
    if (SERVICES.some(service => image === imageOf(BUILT, service))) continue
    problems.push(`${subject} names the image ${image}, which OUTFITTERS_IMAGES would not replace: use localhost/outfitters/NAME:dev`)
  }

  let models: Record<string, new (data: Manifest) => { validate: () => void }>
  try {
    models = await import(`${libraryOf(apiVersion)}/${kind}`)
  } catch {
    problems.push(`${subject}: there is no schema of ${apiVersion} ${kind}`)
    return
  }
  try {
    const Model = models[kind]
    if (Model !== undefined) new Model(manifest).validate()
  } catch (error) {
    problems.push(`${subject}: ${(error as Error).message}`)
  }
}

/** Names that do not exist, by the types: each document as the literal that it is. */
function checkNames (found: Found[]): void {
  const name = join(process.cwd(), 'manifests.ts')
  const source = found.map(({ manifest }, index) => `import type { I${manifest.kind} as Type${index} } from '${libraryOf(manifest.apiVersion)}'\nexport const document${index}: Type${index} = ${JSON.stringify(manifest)}`).join('\n')
  const options: ts.CompilerOptions = { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ESNext, strict: true, skipLibCheck: true, noEmit: true, types: [] }
  const host = ts.createCompilerHost(options)
  const program = ts.createProgram([name], options, {
    ...host,
    fileExists: path => path === name || host.fileExists(path),
    readFile: path => path === name ? source : host.readFile(path),
    getSourceFile: (path, ...rest) => path === name ? ts.createSourceFile(path, source, ts.ScriptTarget.ESNext) : host.getSourceFile(path, ...rest)
  })
  for (const { file, start = 0, messageText } of ts.getPreEmitDiagnostics(program)) {
    const index = file?.fileName === name ? Math.floor(file.getLineAndCharacterOfPosition(start).line / 2) : NaN
    problems.push(`${found[index]?.file ?? 'types'}: ${ts.flattenDiagnosticMessageText(messageText, ': ')}`)
  }
}

/** Kustomizations have no schema there: the few fields that we use, and the files that they name. */
function checkKustomization ({ file, manifest }: Found): void {
  const { apiVersion: _, kind: __, resources = [], components = [], patches: ___, ...unknown } = manifest as Manifest & { resources?: string[], components?: string[], patches?: object[] }
  for (const field of Object.keys(unknown)) problems.push(`${file}: ${field} is no field that we use`)
  for (const path of [...resources, ...components]) {
    if (!existsSync(join(dirname(file), path))) problems.push(`${file}: there is no ${path}`)
  }
}

function askCluster (): void {
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
    judge(path, 'kubectl', [...dryRun(namespace), '--filename', '-'], list)
  }
  judge('k8s', 'kubectl', [...dryRun(), '--kustomize', 'k8s'])
  for (const component of COMPONENTS) {
    if (manifests.some(document => document.file.startsWith(`${component}/`) && !known.includes(document))) continue
    withComponents([component], folder => judge(component, 'kubectl', [...dryRun(), '--kustomize', folder]))
  }
  const operator = 'observability/mesh/istio.yaml'
  judge(operator, 'istioctl', ['manifest', 'generate', '--set', 'profile=demo', '--filename', operator])
  judge('istioctl validate', 'istioctl', ['validate', ...paths.flatMap(path => ['--filename', path])])
  // Each route beside the store, the names that chapter 2 gives the versions, and in turn each file with a Gateway for
  // it: of several Gateways with one name, only one is there at a time.
  for (const route of new Set(routing('VirtualService').map(({ file }) => file))) {
    for (const gateway of gatewaysFor(route)) {
      const files = ['k8s/services', 'k8s/istio/ch2/catalog-destinationrule.yaml', ...gateway, route]
      const analyze = ['analyze', '--use-kube=false', '--failure-threshold', 'Warning', ...files]
      judge(`istioctl analyze ${[...gateway, route].join(' ')}`, 'istioctl', analyze)
    }
  }
}

function routing (kind: string): { file: string, manifest: Routing }[] {
  return manifests.filter(({ manifest }) => manifest.kind === kind && manifest.apiVersion.startsWith('networking.istio.io/'))
    .map(({ file, manifest }) => ({ file, manifest: manifest as Routing }))
}

/**
 * The files to validate together with a file of routes, one set for each Gateway: the files whose Gateway has the name
 * and the host that the routes want, from the same folder if it has some. A route that contains its Gateway, or needs
 * none, is validated alone.
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
  if (files.length === 0) problems.push(`${route}: no file has a Gateway ${names} for its hosts`)
  const near = files.filter(file => dirname(file) === dirname(route))
  return (near.length > 0 ? near : files).map(file => [file])
}

/** The API group of a kind; empty for the core's. */
function groupOf ({ apiVersion }: Manifest): string {
  return apiVersion.includes('/') ? apiVersion.split('/')[0] as string : ''
}

/** The API groups of our manifests that the cluster lacks. Only groups that the store does not need may be missing. */
function unknownGroups (): string[] {
  const optional = ['monitoring.coreos.com']
  const versions = execFileSync('kubectl', ['api-versions'], { encoding: 'utf8' })
  const served = versions.split('\n').map(line => line.split('/')[0])
  const unknown = optional.filter(group => !served.includes(group))
  for (const group of unknown) {
    const left = [...new Set(manifests.filter(({ manifest }) => groupOf(manifest) === group).map(({ file }) => file))]
    console.log(`NOT CHECKED by the cluster, which has no ${group}: ${left.join(', ')}`)
  }
  return unknown
}

/** A kustomization of the store with some components, for as long as `use` runs. */
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

function has (command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function judge (subject: string, command: string, args: string[], input = ''): void {
  try {
    execFileSync(command, args, { encoding: 'utf8', input, stdio: 'pipe', maxBuffer: 2 ** 26 })
  } catch (error) {
    const { stderr = '', stdout = '', message } = error as Error & { stderr?: string, stdout?: string }
    problems.push(`${subject}: ${`${stderr.trim()}\n${stdout.trim()}`.trim() || message}`)
  }
}
