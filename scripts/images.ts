// npm run images -- [--load [--context NAME]] [--push REGISTRY]: builds the images of the services, and puts them where they are needed.
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const SERVICES = ['catalog', 'webapp', 'forum']
const imageOf = (service: string) => `localhost/outfitters/${service}:dev`
const IMAGES = SERVICES.map(imageOf)

const { load, push, context: wanted } = options()
const revision = output('git', ['describe', '--always', '--abbrev=40', '--dirty']) ?? 'unknown'

if (push !== undefined) {
  if (/^Driver: +docker$/m.test(output('docker', ['buildx', 'inspect']) ?? '')) {
    fail('The default builder of Docker builds for this machine alone. Make one that can build for others, then try again:\n  docker buildx create --use --driver docker-container')
  }
  run('docker', ['buildx', 'bake', '--file', 'docker-bake.hcl', '--push'], { REGISTRY: push, REVISION: revision })
} else {
  for (const service of SERVICES) {
    // The host's network: where a machine reaches its registries through a proxy or a mirror of its own, the build does as well.
    run('docker', ['build', '--network=host', '--build-arg', `WORKSPACE=services/${service}`, '--build-arg', `REVISION=${revision}`, '--tag', imageOf(service), '.'])
  }
}
if (load === true) loadIntoCluster()

/** Puts the images into the cluster of the context that was named, or of the current one, each kind of cluster in its own way. */
function loadIntoCluster (): void {
  const command = process.env['IMAGE_LOAD_COMMAND']
  if (command !== undefined) return loadBy(command, IMAGES)
  const context = wanted ?? output('kubectl', ['config', 'current-context']) ?? fail('kubectl is missing, or knows no current context: which cluster are the images for?')
  if (context.startsWith('kind-')) return loadBy('kind', ['load', 'docker-image', '--name', context.slice('kind-'.length), ...IMAGES])
  if (context.startsWith('k3d-')) return loadBy('k3d', ['image', 'import', '--cluster', context.slice('k3d-'.length), ...IMAGES])
  if (isMinikube(context)) return loadBy('minikube', ['image', 'load', '--profile', context, ...IMAGES])
  if (['docker-desktop', 'orbstack', 'rancher-desktop'].includes(context)) return console.log(`${context} sees the images of this Docker Engine; nothing to load`)
  fail(`How do images get into the cluster of the context ${context}? Set IMAGE_LOAD_COMMAND to a command that takes their names, or push them (--push REGISTRY) and name that registry in the manifests.`)
}

function isMinikube (context: string): boolean {
  return output('kubectl', ['config', 'view', '--context', context, '--minify', '--output', 'jsonpath={.contexts[0].context.extensions[*].extension.provider}'])?.includes('minikube') ?? context === 'minikube'
}

function options (): { load?: boolean | undefined, push?: string | undefined, context?: string | undefined } {
  try {
    const { values } = parseArgs({ options: { load: { type: 'boolean' }, push: { type: 'string' }, context: { type: 'string' } } })
    if (values.push !== undefined && values.load === true) throw new Error('--push and --load build different images; give one')
    if (values.context !== undefined && values.load !== true) throw new Error('--context goes with --load')
    return values
  } catch (error) {
    console.error(`${(error as Error).message}\nusage: npm run images -- [--load [--context NAME]] | [--push REGISTRY]`)
    process.exit(2)
  }
}

/** A node that is just clearing away older images may drop a layer that the new ones build upon: seen with containerd, gone the next time. */
function loadBy (command: string, args: string[]): void {
  run(command, args, {}, 3)
}

function run (command: string, args: string[], env: Record<string, string> = {}, tries = 1): void {
  console.log(`$ ${[...Object.entries(env).map(([name, value]) => `${name}=${value}`), command, ...args].join(' ')}`)
  try {
    execFileSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') fail(`${command} is not installed`)
    if (tries === 1) fail(`${command} failed`)
    console.error(`${command} failed; trying again`)
    run(command, args, env, tries - 1)
  }
}

/** What a command prints, or undefined where it is missing or fails. */
function output (command: string, args: string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}

function fail (message: string): never {
  console.error(message)
  process.exit(1)
}
