import { SERVICES } from '../../../../scripts/project.ts'
import type { Kubectl, KubeObject } from './kubectl.ts'
import { Trouble } from './errors.ts'

/** The services that have an image of their own. */
export { SERVICES }

/** The environment variable that says where images come from: REGISTRY/PATH[:TAG]. */
export const SETTING = 'OUTFITTERS_IMAGES'

/** A place with an image for each service: PATH/catalog:TAG and so on. */
export interface Source {
  /** the registry, and the path in it if there is one */
  path: string
  tag: string
}

/** Images by service: those that differ from the ones that the manifests name. */
export type Images = Partial<Record<string, string>>

/** What the manifests name, and `npm run images` builds without the setting. */
export const BUILT: Source = { path: 'localhost/outfitters', tag: 'dev' }

const PART = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const TAG = /^\w[\w.-]{0,127}$/
const NAME = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?'
const REGISTRY = new RegExp(`^(?:${NAME}(?:\\.${NAME})*|\\[[0-9A-Fa-f:.]+\\])(?::\\d+)?$`)

/** The name of a service's image. */
export const imageOf = ({ path, tag }: Source, service: string) => `${path}/${service}:${tag}`

/** A source in the form of the setting: a registry without a path has no tag. */
export const textOf = ({ path, tag }: Source) => path.includes('/') ? `${path}:${tag}` : path

/**
 * Reads REGISTRY/PATH[:TAG]. Without a slash, the whole value is a registry, and a colon is followed by its port.
 *
 * @param from where the value was found, as in OUTFITTERS_IMAGES
 * @throws {Trouble} when the value does not have this form
 */
export function parseSource (value: string, from = SETTING): Source {
  const form = 'It has the form REGISTRY/PATH[:TAG], as in ghcr.io/you/outfitters:1.0; ' +
    'the images are then ghcr.io/you/outfitters/catalog:1.0 and so on.'
  const wrong = (why: string) => new Trouble(`${from} is '${value}': ${why}.`, form)
  if (/^\w+:\/\//.test(value)) throw wrong('leave out the scheme, such as https://')
  if (value.includes('@')) throw wrong('one digest cannot name three images; use a tag')
  const [registry = '', ...parts] = value.split('/')
  const [last = '', tag] = parts.length === 0 ? [''] : cut(parts.pop() as string)
  const path = [...parts, ...last === '' ? [] : [last]]
  if (!/[.:]/.test(registry) && registry !== 'localhost') {
    throw wrong(`it does not begin with a registry; for Docker Hub, use docker.io/${value}`)
  }
  if (!REGISTRY.test(registry)) throw wrong(`'${registry}' is not the host of a registry`)
  if (value.includes('/') && last === '') throw wrong('it ends with a slash, or lacks the path before the tag')
  const odd = path.find(part => !PART.test(part))
  if (odd !== undefined) {
    throw wrong(`'${odd}' cannot be part of an image's name: use lowercase letters, digits, and single separators between them`)
  }
  if (tag !== undefined && !TAG.test(tag)) {
    throw wrong(`'${tag}' is not a tag: use up to 128 letters, digits, and the characters . _ -`)
  }
  return { path: [registry, ...path].join('/'), tag: tag ?? BUILT.tag }
}

/** Splits a word at its first colon. */
function cut (word: string): [string, string?] {
  const at = word.indexOf(':')
  return at === -1 ? [word] : [word.slice(0, at), word.slice(at + 1)]
}

/**
 * What the setting says; undefined where it is not set.
 *
 * @throws {Trouble} when it makes no sense
 */
export function configuredSource (): Source | undefined {
  const value = process.env[SETTING]
  return value === undefined || value === '' ? undefined : parseSource(value)
}

/** The images of a source: those that differ from the ones that the manifests name. */
export function imagesFrom (source: Source): Images {
  const others = SERVICES.filter(service => imageOf(source, service) !== imageOf(BUILT, service))
  return Object.fromEntries(others.map(service => [service, imageOf(source, service)]))
}

/** A change to the text of a manifest, here and as a reader does it. */
export interface Replacement {
  from: RegExp
  to: string
  sed: string
}

/** A text with all that fits replaced. What `$` means to replaceAll, it does not mean here. */
export function replaced (text: string, { from, to }: Replacement): string {
  return text.replaceAll(new RegExp(from, 'g'), () => to)
}

/** How the text of a manifest gets other images. */
export function renamings (images: Images): Replacement[] {
  return Object.entries(images).map(([service, to = '']) => {
    const from = imageOf(BUILT, service)
    return { from: new RegExp(`${from}(?![\\w.-])`), to, sed: `s|${from}|${to}|` }
  })
}

/** The text of a manifest with other images. */
export function renamed (text: string, images: Images): string {
  return renamings(images).reduce(replaced, text)
}

type Deployment = KubeObject & {
  metadata: { generation?: number }
  spec: { template: { spec: { containers: { name: string, image: string }[] } } }
  status?: { observedGeneration?: number, replicas?: number, updatedReplicas?: number, availableReplicas?: number }
}

/**
 * The images of the store's Deployments in the namespace, as far as they differ from those that the manifests name, and
 * work: the rollout is complete, and answers say in `x-served-by` which pod they are from, as only our services do.
 *
 * @param ports by service
 */
export async function workingImages (kubectl: Kubectl, ports: Record<string, number>): Promise<Images> {
  const images: Images = {}
  for (const deployment of await kubectl.objects(['deployments', ...SERVICES]) as Deployment[]) {
    const { name } = deployment.metadata
    const image = deployment.spec.template.spec.containers.find(container => container.name === name)?.image
    if (image === undefined || image === imageOf(BUILT, name) || !hasRolledOut(deployment)) continue
    const curl = ['curl', '-s', '-o', '/dev/null', '-D', '-', '--max-time', '5', `localhost:${ports[name]}/readyz`]
    const { code, stdout } = await kubectl.try(['exec', `deploy/${name}`, '-c', name, '--', ...curl])
    if (code === 0 && /^x-served-by: /im.test(stdout)) images[name] = image
  }
  return images
}

function hasRolledOut ({ metadata: { generation }, status = {} }: Deployment): boolean {
  const { observedGeneration, replicas = 0, updatedReplicas, availableReplicas } = status
  const isComplete = updatedReplicas === replicas && availableReplicas === replicas
  return replicas > 0 && observedGeneration === generation && isComplete
}

/** What to do about an image that cannot be pulled. */
export function pullAdvice (image: string, { pod, namespace }: { pod: string, namespace: string }): string {
  const source = configuredSource()
  const answer = `What the registry says: kubectl -n ${namespace} describe pod ${pod}`
  if (source !== undefined && image.startsWith(`${source.path}/`)) {
    return `${SETTING} says that images come from ${source.path}. Are they there? ` +
      `npm run images -- --push builds and pushes them. May this cluster pull them? ${answer}`
  }
  if (!image.startsWith(`${BUILT.path}/`)) return answer
  return 'npm run images -- --load builds the images and puts them into the cluster. ' +
    `Where the cluster pulls from a registry: export ${SETTING}=REGISTRY/PATH, then npm run images -- --push.`
}
