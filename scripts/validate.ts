// npm run validate [-- --cluster]: checks every YAML file of the project against real schemas. Without a cluster these are the ones that
// kubernetes-models makes from the API's own definitions, which know types and values; with --cluster the API server of the current
// kubectl context judges as well, which also knows names that do not exist, and istioctl what does not fit together.
import { execFileSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { parseAllDocuments } from 'yaml'

interface Manifest {
  apiVersion?: string
  kind?: string
  metadata?: { name?: string, namespace?: string }
}

process.chdir(new URL('..', import.meta.url).pathname)
const { values: { cluster } } = parseArgs({ options: { cluster: { type: 'boolean' } } })
const problems: string[] = []

const files = globSync('k8s/**/*.yaml').sort()
const kustomizations = files.filter(file => file.endsWith('kustomization.yaml'))
const components = globSync('k8s/components/*').sort()
const manifests = files.filter(file => !kustomizations.includes(file))

for (const file of manifests) {
  for (const document of parseAllDocuments(readFileSync(file, 'utf8'))) {
    for (const error of document.errors) problems.push(`${file}: ${error.message}`)
    if (document.errors.length === 0) problems.push(...await problemsOf(document.toJS() as Manifest).then(found => found.map(problem => `${file}: ${problem}`)))
  }
}
if (cluster === true) {
  // v2 lacks a Service of its own, and what is in no namespace yet still has to be judged: all of it goes to `default`, and nowhere.
  for (const file of manifests) judge(file, 'kubectl', ['apply', '--namespace', 'default', '--dry-run=server', '--validate=strict', '--filename', file])
  for (const folder of ['k8s', ...components.map(storeWith)]) judge(folder, 'kubectl', ['apply', '--namespace', 'default', '--dry-run=server', '--validate=strict', '--kustomize', folder])
  judge('istioctl validate', 'istioctl', ['validate', ...manifests.flatMap(file => ['--filename', file])])
}

for (const problem of problems) console.error(problem)
console.log(`${files.length} files, ${problems.length} problems${cluster === true ? '' : ' (without a cluster: --cluster asks one as well)'}`)
process.exitCode = problems.length === 0 && files.length > 0 ? 0 : 1

/** What is wrong with one document. */
async function problemsOf (manifest: Manifest): Promise<string[]> {
  const { apiVersion = '', kind = '', metadata } = manifest
  const name = `${kind} ${metadata?.name ?? 'without a name'}`
  const found: string[] = []
  // They are applied to whichever injected namespace a reader has.
  if (metadata?.namespace !== undefined) found.push(`${name} names a namespace`)

  const library = apiVersion.includes('istio.io/') ? '@kubernetes-models/istio' : 'kubernetes-models'
  try {
    const model = (await import(`${library}/${apiVersion}/${kind}`)) as Record<string, new (data: Manifest) => { validate: () => void }>
    const Model = model[kind]
    if (Model === undefined) throw new Error('not there')
    try {
      new Model(manifest).validate()
    } catch (error) {
      found.push(`${name}: ${(error as Error).message}`)
    }
  } catch {
    found.push(`${name}: no schema for ${apiVersion} ${kind}`)
  }
  return found
}

/** A kustomization of the store with one component. */
function storeWith (component: string): string {
  const folder = mkdtempSync('.validate-')
  process.on('exit', () => rmSync(folder, { recursive: true }))
  writeFileSync(`${folder}/kustomization.yaml`, `resources: [../k8s]\ncomponents: [../${component}]\n`)
  return folder
}

function judge (subject: string, command: string, args: string[]): void {
  try {
    execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string }
    problems.push(`${subject}: ${stderr.trim() || message}`)
  }
}
