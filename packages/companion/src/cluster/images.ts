import { SERVICES } from '../../../../scripts/project.ts'
import type { Kubectl, KubeObject } from './kubectl.ts'
import { Trouble } from './errors.ts'

/** The services that have an image of their own. */
export { SERVICES }

/** The environment variable that names the source of the images: REGISTRY/PATH[:TAG]. */
export const SETTING = 'OUTFITTERS_IMAGES'

/** A source of images, which has one for each service: PATH/catalog:TAG and so on. */
export interface Source {
  /** the registry and, if there is one, the path in it */
  path: string
  tag: string
}

/** By service: the images that differ from those in the manifests. */
export type Images = Partial<Record<string, string>>

/** The source in the manifests. Without the setting, `npm run images` builds its images. */
export const BUILT: Source = { path: 'localhost/outfitters', tag: 'dev' }

const PART = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const TAG = /^\w[\w.-]{0,127}$/
const NAME = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?'
const REGISTRY = new RegExp(`^(?:${NAME}(?:\\.${NAME})*|\\[[0-9A-Fa-f:.]+\\])(?::\\d+)?$`)

/** The full name of a service's image. */
export const imageOf = ({ path, tag }: Source, service: string) => `${path}/${service}:${tag}`

/** A source in the form of the setting. A registry without a path is written without a tag. */
export const textOf = ({ path, tag }: Source) => path.includes('/') ? `${path}:${tag}` : path

/**
 * Parses REGISTRY/PATH[:TAG]. Without a slash, the whole value is a registry, and the number after a colon is its port.
 *
 * @param from where the value was found: the name of a variable or of an option
 * @throws {Trouble} when the value does not have this form
 */
export function parseSource (value: string, from = SETTING): Source {
  const form = 'It has the form REGISTRY/PATH[:TAG]. An example: with ghcr.io/you/outfitters:1.0, ' +
    'the images are ghcr.io/you/outfitters/catalog:1.0 and so on.'
  const wrong = (why: string) => new Trouble(`${from} is '${value}': ${why}.`, form)
  if (/^\w+:\/\//.test(value)) throw wrong('leave out the scheme, such as https://')
  if (value.includes('@')) throw wrong('one digest cannot name three images, so use a tag')
  const [registry = '', ...parts] = value.split('/')
  const [last = '', tag] = parts.length === 0 ? [''] : cutAtColon(parts.pop() as string)
  const path = [...parts, ...last === '' ? [] : [last]]
  if (!/[.:]/.test(registry) && registry !== 'localhost') {
    throw wrong(`it does not begin with a registry. For Docker Hub, use docker.io/${value}`)
  }
  if (!REGISTRY.test(registry)) throw wrong(`'${registry}' is not the host of a registry`)
  if (value.includes('/') && last === '') throw wrong('it ends with a slash, or the path before the tag is missing')
  const invalid = path.find(part => !PART.test(part))
  if (invalid !== undefined) {
    throw wrong(`'${invalid}' cannot be part of an image's name: ` +
      'use lowercase letters, digits, and single separators between them')
  }
  if (tag !== undefined && !TAG.test(tag)) {
    throw wrong(`'${tag}' is not a tag: use up to 128 letters, digits, and the characters . _ and -`)
  }
  return { path: [registry, ...path].join('/'), tag: tag ?? BUILT.tag }
}

/** Splits a word at its first colon. */
function cutAtColon (word: string): [string, string?] {
  const at = word.indexOf(':')
  return at === -1 ? [word] : [word.slice(0, at), word.slice(at + 1)]
}

/**
 * The source that OUTFITTERS_IMAGES names; undefined if the variable is not set or empty.
 *
 * @throws {Trouble} when its value does not have the form REGISTRY/PATH[:TAG]
 */
export function configuredSource (): Source | undefined {
  const value = process.env[SETTING]
  return value === undefined || value === '' ? undefined : parseSource(value)
}

/** The images of a source that differ from those in the manifests. */
export function imagesFrom (source: Source): Images {
  const others = SERVICES.filter(service => imageOf(source, service) !== imageOf(BUILT, service))
  return Object.fromEntries(others.map(service => [service, imageOf(source, service)]))
}

/** A replacement in the text of a manifest. */
export interface Replacement {
  from: RegExp
  to: string
  /** the same as a command of sed, for readers who follow by hand */
  sed: string
}

/** A text with every match replaced. A `$` in the new text has no special meaning. */
export function replaced (text: string, { from, to }: Replacement): string {
  return text.replaceAll(new RegExp(from, 'g'), () => to)
}

/** The replacements that give other images to the text of a manifest. */
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
 * Finds the images of the store's Deployments that work in the namespace and differ from those in the manifests. An
 * image works if its rollout is complete and its answers have the header `x-served-by`, which only our services send.
 *
 * @param ports the port of each service in its pod
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

/** The advice for a user whose cluster cannot pull an image. */
export function pullAdvice (image: string, { pod, namespace }: { pod: string, namespace: string }): string {
  const source = configuredSource()
  const reason = `To see why: kubectl -n ${namespace} describe pod ${pod}`
  if (source !== undefined && image.startsWith(`${source.path}/`)) {
    return `Images come from ${source.path}, because ${SETTING} is set. ` +
      'To build the images and push them there: npm run images -- --push. ' +
      `If they are there, the cluster may not be allowed to pull them. ${reason}`
  }
  if (!image.startsWith(`${BUILT.path}/`)) return reason
  return 'npm run images -- --load builds the images and loads them into the cluster. ' +
    `If the cluster pulls from a registry: export ${SETTING}=REGISTRY/PATH, then npm run images -- --push`
}
