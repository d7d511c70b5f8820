// Checks that each service of the store has everything that it needs, in its folder and in the files of the project.
// CONTRIBUTING.md has the recipe for a new service.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { PORTS, ROOT, SERVICES } from '../../../scripts/project.ts'
import { portsFrom, storeOn } from '../src/processes.ts'

interface Compose {
  services: Record<string, { build?: { args?: { WORKSPACE?: string } }, healthcheck?: unknown, environment?: object }>
}
interface Manifest {
  kind: string
  metadata: { name: string }
  spec?: {
    template?: {
      metadata: { annotations?: Record<string, string> }
      spec: { containers: { name: string, image: string, ports?: { containerPort: number }[] }[] }
    }
  }
}

const OWN_FILES = [
  'README.md', 'tsconfig.json', 'vitest.config.ts', 'src/app.ts', 'src/config.ts', 'src/server.ts', 'test'
]
const OWN_SCRIPTS = ['start', 'lint', 'typecheck', 'test']

const textOf = (file: string) => existsSync(join(ROOT, file)) ? readFileSync(join(ROOT, file), 'utf8') : ''
const composeOf = (file: string) => (parse(textOf(file), { merge: true }) as Compose).services

/** What a service lacks: one line for each thing, with the file and what to write there. */
function missingOf (name: string): string[] {
  const port = PORTS[name]
  return [
    ...missingInFolder(name),
    ...missingInImages(name),
    ...missingInCompose(name, port),
    ...missingInKubernetes(name, port),
    ...missingInStart(name)
  ]
}

function missingInFolder (name: string): string[] {
  const folder = `services/${name}`
  const manifest = JSON.parse(textOf(`${folder}/package.json`) || '{}') as {
    name?: string
    outfitters?: { port?: number }
    scripts?: Record<string, string>
  }
  const locked = JSON.parse(textOf('package-lock.json')) as { packages: Record<string, unknown> }
  const command = `npm start --workspace ${folder}`
  return [
    ...OWN_FILES.flatMap(file => existsSync(join(ROOT, folder, file)) ? [] : `${folder}/${file}: is missing`),
    ...manifest.name === `@outfitters/${name}` ? [] : [`${folder}/package.json: "name" must be "@outfitters/${name}"`],
    ...Number.isInteger(manifest.outfitters?.port)
      ? []
      : [`${folder}/package.json: must have the port of the service: "outfitters": { "port": 8080 }`],
    ...OWN_SCRIPTS.flatMap(script =>
      manifest.scripts?.[script] === undefined ? `${folder}/package.json: has no script "${script}"` : []),
    ...folder in locked.packages ? [] : [`package-lock.json: does not know ${folder}: run npm install`],
    ...textOf(`${folder}/README.md`).includes(command) ? [] : [`${folder}/README.md: must show the command ${command}`]
  ]
}

function missingInImages (name: string): string[] {
  const [, list = '[]'] = /matrix = \{ service = (\[.*\]) \}/.exec(textOf('docker-bake.hcl')) ?? []
  return (JSON.parse(list) as string[]).includes(name) ? [] : [`docker-bake.hcl: the matrix does not have "${name}"`]
}

function missingInCompose (name: string, port: number | undefined): string[] {
  const [store, layer] = ['docker-compose.yml', 'docker-compose.observability.yml']
  const containers = Object.entries(composeOf(store))
    .filter(([, { build }]) => build?.args?.WORKSPACE === `services/${name}`)
  if (containers.length === 0) return [`${store}: no service has the build argument WORKSPACE: services/${name}`]
  const observed = composeOf(layer)
  return containers.flatMap(([container, { healthcheck }]) => [
    ...JSON.stringify(healthcheck ?? '').includes(`http://localhost:${port}/readyz`)
      ? []
      : [`${store}: the health check of ${container} must call http://localhost:${port}/readyz`],
    ...observed[container]?.environment !== undefined ? [] : [`${layer}: must have the line ${container}: *traced`],
    ...textOf('observability/prometheus/prometheus.yml').includes(`"${container}:${port}"`)
      ? []
      : [`observability/prometheus/prometheus.yml: has no target "${container}:${port}" with the label app: ${name}`]
  ])
}

function missingInKubernetes (name: string, port: number | undefined): string[] {
  const file = `k8s/services/${name}.yaml`
  const missing: string[] = []
  if (!textOf('k8s/kustomization.yaml').includes(`- services/${name}.yaml`)) {
    missing.push(`k8s/kustomization.yaml: the resources do not have services/${name}.yaml`)
  }
  if (!existsSync(join(ROOT, file))) return [...missing, `${file}: is missing; copy k8s/services/forum.yaml`]

  const manifests = parseAllDocuments(textOf(file)).map(document => document.toJS() as Manifest)
  for (const kind of ['ServiceAccount', 'Service', 'Deployment']) {
    if (!manifests.some(manifest => manifest.kind === kind && manifest.metadata.name === name)) {
      missing.push(`${file}: has no ${kind} with the name ${name}`)
    }
  }
  const { metadata, spec } = manifests.find(({ kind }) => kind === 'Deployment')?.spec?.template ?? {}
  const container = spec?.containers.find(container => container.name === name)
  if (container?.image !== `localhost/outfitters/${name}:dev`) {
    missing.push(`${file}: the container ${name} must have the image localhost/outfitters/${name}:dev`)
  }
  if (container?.ports?.[0]?.containerPort !== port) missing.push(`${file}: containerPort must be ${port}`)
  if (metadata?.annotations?.['prometheus.io/port'] !== String(port)) {
    missing.push(`${file}: the annotation prometheus.io/port must be "${port}"`)
  }
  return missing
}

function missingInStart (name: string): string[] {
  const script = `services/${name}/src/server.ts`
  return storeOn(portsFrom({})).some(process => process.script === script)
    ? []
    : [`packages/local/src/processes.ts: no process runs ${script}; add it to PORTS and to storeOn`]
}

test.each(SERVICES)('the service %s has everything that it needs', name => {
  expect(missingOf(name)).toEqual([])
})

test.each(SERVICES)('%s listens by default on the port in its package.json', async name => {
  const schemas = await import(`../../../services/${name}/src/config.ts`) as Record<string, {
    properties?: { PORT?: { default?: number } }
  }>
  const defaults = Object.values(schemas).flatMap(({ properties }) => properties?.PORT?.default ?? [])
  expect(defaults, `services/${name}/src/config.ts: the default of PORT`).toEqual([PORTS[name]])
})

test('shell scripts read the same services and ports', () => {
  const script = '. scripts/services.sh; for name in $(services); do echo "$name $(port_of "$name")"; done'
  const lines = execFileSync('bash', ['-c', script], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n')
  expect(lines).toEqual(SERVICES.map(name => `${name} ${PORTS[name]}`))
})

test('for a service that has nothing, the list names every file', () => {
  const files = missingOf('no-such-service').map(line => line.split(': ')[0])
  expect(files).toEqual(expect.arrayContaining([
    'services/no-such-service/package.json',
    'package-lock.json',
    'docker-bake.hcl',
    'docker-compose.yml',
    'k8s/services/no-such-service.yaml',
    'k8s/kustomization.yaml',
    'packages/local/src/processes.ts'
  ]))
})
