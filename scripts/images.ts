// npm run images -- [--load [--context NAME]] [--push [REGISTRY] [--platform LIST]] [--names]: builds the images of all
// services at once, and loads them into a cluster or pushes them to a registry. OUTFITTERS_IMAGES sets their names.
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import {
  BUILT, configuredSource, imageOf, parseSource, SETTING, textOf, type Source
} from '../packages/companion/src/cluster/images.ts'
import { SERVICES } from './project.ts'

const { load, push, names, platform, context: wanted, source } = options()
const IMAGES = SERVICES.map(service => imageOf(source, service))

if (names) {
  console.log(IMAGES.join('\n'))
} else {
  if (push) requireMultiPlatform()
  bake()
  if (load) loadIntoCluster()
  if (push && configuredSource() === undefined) {
    console.log(`To make the companion and cluster.sh use these images: export ${SETTING}=${textOf(source)}`)
  }
}

/** Builds all images in one build, so that their common stages are built only once. */
function bake (): void {
  const help = output('docker', ['buildx', 'bake', '--help']) ??
    fail('docker buildx does not run. Install Docker with buildx: https://docs.docker.com/engine/install/')
  run('docker', [
    'buildx', 'bake', '--file', 'docker-bake.hcl',
    ...help.includes('--allow ') ? ['--allow', 'network.host'] : [], // older versions of buildx do not need the option
    // An image with attestations is an index, and some of the load commands below cannot load an index.
    ...push ? ['--push'] : ['--load', '--provenance=false']
  ], {
    REGISTRY: source.path,
    TAG: source.tag,
    REVISION: output('git', ['describe', '--always', '--abbrev=40', '--dirty']) ?? 'unknown',
    PLATFORMS: push ? platform ?? 'linux/amd64,linux/arm64' : ''
  })
}

/**
 * Ends the script if the builder cannot build for several platforms. Docker's default builder can do so only if the
 * Engine keeps its images in containerd.
 */
function requireMultiPlatform (): void {
  if (platform !== undefined && !platform.includes(',')) return
  if (!/^Driver: +docker$/m.test(output('docker', ['buildx', 'inspect']) ?? '')) return
  const store = output('docker', ['info', '--format', '{{.DriverStatus}}']) ?? ''
  if (store.includes('io.containerd.snapshotter')) return
  fail('The default builder of Docker can build only for the platform of this machine. Create another builder, ' +
    'then try again:\n' +
    '  docker buildx create --use --driver docker-container\n' +
    'Or build for only one platform, that of your cluster: npm run images -- --push --platform linux/amd64')
}

/** Loads the images into the cluster of `--context`, or of the current context. The command depends on the cluster. */
function loadIntoCluster (): void {
  const command = process.env['IMAGE_LOAD_COMMAND']
  if (command !== undefined) return loadBy(command, IMAGES)
  const context = wanted ?? output('kubectl', ['config', 'current-context']) ??
    fail('kubectl is not on the PATH, or has no current context. Name one: npm run images -- --load --context NAME')
  const [, kind, name = ''] = /^(kind|k3d)-(.*)$/.exec(context) ?? []
  if (kind === 'kind') return loadBy('kind', ['load', 'docker-image', '--name', name, ...IMAGES])
  if (kind === 'k3d') return loadBy('k3d', ['image', 'import', '--cluster', name, ...IMAGES])
  if (isMinikube(context)) return loadBy('minikube', ['image', 'load', '--profile', context, ...IMAGES])
  if (['docker-desktop', 'orbstack', 'rancher-desktop'].includes(context)) {
    return console.log(`The cluster ${context} uses the images of this Docker Engine, so there is nothing to load.`)
  }
  fail(`This script cannot load images into the cluster of the context ${context}. ` +
    'Set IMAGE_LOAD_COMMAND to a command that takes their names. ' +
    `If the cluster pulls from a registry: export ${SETTING}=REGISTRY/PATH, then npm run images -- --push.`)
}

function isMinikube (context: string): boolean {
  const provider = 'jsonpath={.contexts[0].context.extensions[*].extension.provider}'
  const found = output('kubectl', ['config', 'view', '--context', context, '--minify', '--output', provider])
  return found?.includes('minikube') ?? context === 'minikube'
}

function options () {
  try {
    const { values, positionals: [registry, ...others] } = parseArgs({
      args: process.argv.slice(2).flatMap(arg => arg.startsWith('--push=') ? arg.split(/=(.*)/, 2) : [arg]),
      allowPositionals: true,
      options: {
        load: { type: 'boolean', default: false },
        push: { type: 'boolean', default: false },
        names: { type: 'boolean', default: false },
        platform: { type: 'string' },
        context: { type: 'string' }
      }
    })
    const { load, push, names, platform, context } = values
    const unexpected = push ? others[0] : registry
    if (unexpected !== undefined) throw new Error(`unexpected argument '${unexpected}'`)
    if ([load, push, names].filter(Boolean).length > 1) {
      throw new Error('use only one of --load (into a cluster), --push (to a registry) and --names (build nothing)')
    }
    if (context !== undefined && !load) throw new Error('--context works only with --load')
    if (platform !== undefined && !push) throw new Error('--platform works only with --push')
    return { load, push, names, platform, context, source: sourceOf({ push, registry }) }
  } catch (error) {
    console.error(`${(error as Error).message}\nusage: npm run images -- ` +
      '[--load [--context NAME]] | [--push [REGISTRY/PATH[:TAG]] [--platform LIST]] | [--names]')
    process.exit(2)
  }
}

/** The registry, path and tag of the images: from the setting or from --push. */
function sourceOf ({ push, registry }: { push: boolean, registry?: string | undefined }): Source {
  const configured = configuredSource()
  if (registry === undefined) {
    if (push && configured === undefined) {
      throw new Error(`--push needs a registry: --push REGISTRY/PATH[:TAG], or export ${SETTING}=REGISTRY/PATH[:TAG]`)
    }
    return configured ?? BUILT
  }
  const source = parseSource(registry, '--push')
  if (configured !== undefined && textOf(configured) !== textOf(source)) {
    throw new Error(`--push is ${textOf(source)}, but ${SETTING} is ${textOf(configured)}; use only one of them`)
  }
  return source
}

/**
 * Runs a load command, up to three times. A containerd node that deletes old images meanwhile can lose a layer of a new
 * image. The next try then succeeds.
 */
function loadBy (command: string, args: string[]): void {
  run(command, args, {}, 3)
}

function run (command: string, args: string[], env: Record<string, string> = {}, tries = 1): void {
  console.log(`$ ${[...Object.entries(env).map(([name, value]) => `${name}=${value}`), command, ...args].join(' ')}`)
  try {
    execFileSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') fail(`${command} is not on the PATH. Install it, then try again.`)
    if (tries === 1) fail(`${command} failed. Its message above says why.`)
    console.error(`${command} failed. Trying again …`)
    run(command, args, env, tries - 1)
  }
}

/** The output of a command. Undefined if the command is missing or fails. */
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
