// npm run images -- [--load [--context NAME]] [--push [REGISTRY] [--platform LIST]] [--names]: builds the images of the
// services in one build, and puts them where they are needed. They are named as OUTFITTERS_IMAGES says.
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import {
  BUILT, configuredSource, imageOf, parseSource, SETTING, textOf, type Source
} from '../packages/companion/src/images.ts'
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

/** Builds all images at once: what they have in common is built once. */
function bake (): void {
  const help = output('docker', ['buildx', 'bake', '--help']) ??
    fail('docker buildx does not run. Install it: https://docs.docker.com/engine/install/')
  run('docker', [
    'buildx', 'bake', '--file', 'docker-bake.hcl',
    ...help.includes('--allow ') ? ['--allow', 'network.host'] : [], // older versions do not need it
    // An image with attestations is an index, which some of the ways into a cluster cannot load.
    ...push ? ['--push'] : ['--load', '--provenance=false']
  ], {
    REGISTRY: source.path,
    TAG: source.tag,
    REVISION: output('git', ['describe', '--always', '--abbrev=40', '--dirty']) ?? 'unknown',
    PLATFORMS: push ? platform ?? 'linux/amd64,linux/arm64' : ''
  })
}

/** The default builder of Docker builds for several platforms only where the Engine keeps images in containerd. */
function requireMultiPlatform (): void {
  if (platform !== undefined && !platform.includes(',')) return
  if (!/^Driver: +docker$/m.test(output('docker', ['buildx', 'inspect']) ?? '')) return
  const store = output('docker', ['info', '--format', '{{.DriverStatus}}']) ?? ''
  if (store.includes('io.containerd.snapshotter')) return
  fail('The default builder of Docker builds for this machine only. Make one that builds for others, then try again:\n' +
    '  docker buildx create --use --driver docker-container\n' +
    'Or build for the one platform that your cluster has: npm run images -- --push --platform linux/amd64')
}

/** Puts the images into the cluster of the context that was named, or of the current one, each kind of cluster in its own way. */
function loadIntoCluster (): void {
  const command = process.env['IMAGE_LOAD_COMMAND']
  if (command !== undefined) return loadBy(command, IMAGES)
  const context = wanted ?? output('kubectl', ['config', 'current-context']) ?? fail('kubectl is missing, or knows no current context: which cluster are the images for?')
  if (context.startsWith('kind-')) return loadBy('kind', ['load', 'docker-image', '--name', context.slice('kind-'.length), ...IMAGES])
  if (context.startsWith('k3d-')) return loadBy('k3d', ['image', 'import', '--cluster', context.slice('k3d-'.length), ...IMAGES])
  if (isMinikube(context)) return loadBy('minikube', ['image', 'load', '--profile', context, ...IMAGES])
  if (['docker-desktop', 'orbstack', 'rancher-desktop'].includes(context)) return console.log(`${context} sees the images of this Docker Engine; nothing to load`)
  fail(`It is unknown how to load images into the cluster of the context ${context}. Set IMAGE_LOAD_COMMAND to a command ` +
    `that takes their names. If the cluster pulls from a registry: export ${SETTING}=REGISTRY/PATH, then npm run images -- --push.`)
}

function isMinikube (context: string): boolean {
  return output('kubectl', ['config', 'view', '--context', context, '--minify', '--output', 'jsonpath={.contexts[0].context.extensions[*].extension.provider}'])?.includes('minikube') ?? context === 'minikube'
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
      throw new Error('--push builds for other machines, --load for this cluster, and --names builds nothing; use only one of them')
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

/** The names of the images: from the setting, or from --push. */
function sourceOf ({ push, registry }: { push: boolean, registry?: string | undefined }): Source {
  const configured = configuredSource()
  if (registry === undefined) {
    if (push && configured === undefined) {
      throw new Error(`--push needs a registry: export ${SETTING}=REGISTRY/PATH[:TAG], or --push REGISTRY/PATH[:TAG]`)
    }
    return configured ?? BUILT
  }
  const source = parseSource(registry, '--push')
  if (configured !== undefined && textOf(configured) !== textOf(source)) {
    throw new Error(`--push says ${textOf(source)}, and ${SETTING} says ${textOf(configured)}; leave one of them out`)
  }
  return source
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
