import type { Count, Expected } from './judgement.ts'
import type { Call } from './load.ts'
import type { Samples } from './metrics.ts'

/** What an exercise finds when it begins: a file or folder beneath k8s/ in its namespace, or an add-on of Istio by its Service in istio-system, and the extensionProvider by which the mesh's configuration knows it. */
interface Requirement {
  is: string
  file?: string
  addon?: string
  provider?: string
}

const requirements = {
  store: { is: 'the store: catalog v1, webapp and forum', file: '.' },
  gateway: { is: 'the webapp behind the ingress gateway', file: 'istio/ch2/ingress-gateway.yaml' },
  v2: { is: 'version 2 of the catalog', file: 'services/catalog-v2.yaml' },
  outside: { is: 'a pod without a proxy, to call from', file: 'tools/outside.yaml' },
  jaeger: { is: 'Jaeger in istio-system, of Istio\'s add-ons, and a provider of that name in the mesh\'s configuration', addon: 'tracing', provider: 'jaeger' },
  prometheus: { is: 'Prometheus in istio-system, of Istio\'s add-ons', addon: 'prometheus' }
}

export type Need = keyof typeof requirements

/** What is set up, or has to be there. */
export const NEEDS: Record<Need, Requirement> = requirements

/** A lesson that is applied, driven and judged. What it changes is undone by who runs it. */
export interface Exercise {
  /** chapter and name: ch2.retry */
  id: string
  title: string
  /** what is learned, in a sentence or two */
  aim: string
  /** Nothing else of the store or of Istio is in the namespace at the start, whatever was there before. */
  needs: Need[]
  /** the oldest Istio that has what this exercise needs, such as `1.27.1`, if the other exercises work with an older one */
  istio?: string
  steps: Step[]
  /** what to look at to understand it, as Markdown */
  look: string[]
  /** how it is shown that the exercise can fail */
  controls: Control[]
}

/**
 * `says` is what the reader is told before the step. In commands, and the names of files and objects that are made, NAMESPACE stands for the
 * exercise's, GATEWAYS for that in which the gateway is, `deploy/GATEWAY` for its Deployment, GATEWAY_APP for its label `app`, FOLDER for a folder that is there while it runs, SINCE for the microsecond at which the last load began (`--since=SINCE` for kubectl logs), and istioinaction.io
 * for what --host puts in its place.
 */
export type Step = Apply | Run | Fault | Load | Expect | Inspect

/** kubectl apply of a file, or of a folder with a kustomization, beneath k8s/; waits for what it deploys. */
export interface Apply {
  kind: 'apply'
  says: string
  file: string
  /** by a word in the file: the file whose text takes its place */
  values: Record<string, string>
}

/** A command that changes something: it has to end with 0. */
export interface Run {
  kind: 'run'
  says: string
  command: string[]
  /** keys of the objects that it makes or changes, as in `istio-system:secret/webapp-credential`; those of the exercise's namespace begin with the colon */
  makes: string[]
}

/** scripts/chaos.sh, by default in every catalog pod. */
export interface Fault {
  kind: 'fault'
  says: string
  arguments: string[]
}

/** Requests through the ingress gateway, as many as the expectations that follow need. */
export interface Load {
  kind: 'load'
  says: string
  path: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string | undefined
  /** which of the hosts that the gateway knows is asked */
  host?: string | undefined
  /** By HTTPS: the files of the authority by which the gateway is known, and of a certificate and its key where it wants to know us. */
  tls?: { ca: string, cert?: string, key?: string } | undefined
  /** Requests a second, if the lesson needs that rate; by default, as many as the cluster sustains, up to a hundred. */
  rate?: number | undefined
  /** Milliseconds within which the load must be over, since what it shows does not last longer. They count from the change that it waits for, or from its first request. Above them it is not judged. */
  within?: number | undefined
  /** milliseconds after which the load can be taken again, if it uses something up, such as tokens */
  recovers?: number | undefined
  /** As long as this command runs, however many that are. */
  during?: string[] | undefined
  /** The proxies hear of a change a moment after it was applied: how to tell. The load waits for it, but not for ever. */
  arrived?: Arrival | undefined
  /** services whose /metrics are read before and after; the expectations see what was added */
  scrape: string[]
}

/** `seen`: one call was like this; `only`: twenty at once were, three times in a row. */
export type Arrival = { seen: (call: Call) => boolean } | { only: (call: Call) => boolean }

/** What is to be true of the load before it. */
export interface Expect {
  kind: 'expect'
  name: string
  expected: Expected
  /** For a check about time: it is not judged if the noise of the machine, in milliseconds, is higher. */
  bears?: number | undefined
  /** `output` is that of the command during which the load went on */
  count: (calls: Call[], metrics: Record<string, Samples>, output: string) => Count
}

/** What a command is to print. It is run again for some seconds while it is not as expected. */
export interface Inspect {
  kind: 'inspect'
  says: string
  name: string
  expected: Expected
  /** without a shell */
  command: string[]
  /** What the mesh lacks for this and what comes after it, told by what the command prints; by default nothing. The exercise ends here then. */
  lacks?: ((output: string) => string | undefined) | undefined
  /** `calls` are those of the last load, `gateway` is GATEWAY_APP.GATEWAYS: what traces call the gateway */
  count: (output: string, play: { namespace: string, calls: Call[], gateway: string }) => Count
}

/** A run in which something of the lesson is missing. The check `fails` must say so. */
export interface Control {
  /** what is missing, as the end of "When …" */
  when: string
  /** what becomes of a step; undefined for nothing */
  change: (step: Step) => Step | undefined
  fails: string
}

export const apply = (file: string, says: string, { values = {} }: Partial<Pick<Apply, 'values'>> = {}): Apply => ({ kind: 'apply', says, file, values })

/** @param command without a shell, words separated by spaces */
export const run = (command: string, says: string, { makes = [] }: Partial<Pick<Run, 'makes'>> = {}): Run => ({ kind: 'run', says, command: command.split(' '), makes })

/** @param words of scripts/chaos.sh, as in `500 50` */
export const fault = (words: string, says: string): Fault => ({ kind: 'fault', says, arguments: words.split(' ') })

export const load = (path: string, step: Pick<Load, 'says'> & Partial<Load>): Load =>
  ({ kind: 'load', path, method: 'GET', headers: {}, scrape: [], ...step })

/**
 * Expects a share of the calls, or of those `among` them, to be as `is` says. A check about time tolerates (`bears`)
 * only so many milliseconds of noise.
 */
export const expect = (name: string, expected: Expected, is: (call: Call) => boolean, { among = () => true, bears }: { among?: (call: Call) => boolean, bears?: number } = {}): Expect =>
  ({ kind: 'expect', name, expected, ...(bears !== undefined && { bears }), count: calls => share(calls.filter(among), is) })

/** Expects it of what the scraped services counted meanwhile, or of what the command printed during which the load went on. */
export const expectMetrics = (name: string, expected: Expected, count: Expect['count'], { bears }: { bears?: number } = {}): Expect =>
  ({ kind: 'expect', name, expected, ...(bears !== undefined && { bears }), count })

export const inspect = (name: string, step: Omit<Inspect, 'kind' | 'name'>): Inspect => ({ kind: 'inspect', name, ...step })

/** Something that is so, or is not: one of one, or none. */
export const once = (isSo: boolean): Count => ({ count: isSo ? 1 : 0, of: 1 })

/** How many of them are like that. */
export function share<T> (things: T[], is: (thing: T) => boolean): Count {
  return { count: things.filter(is).length, of: things.length }
}

/** A file is not applied. */
export const withhold = (file: string, fails: string): Control => ({
  when: `\`k8s/${file === '.' ? '' : file}\` is not applied`,
  change: step => step.kind === 'apply' && step.file === file ? undefined : step,
  fails
})

/** Another file is applied in its place. */
export const otherFile = (file: string, other: string, fails: string): Control => ({
  when: `\`k8s/${other}\` is applied in place of \`k8s/${file}\``,
  change: step => step.kind === 'apply' && step.file === file ? { ...step, file: other } : step,
  fails
})

/** scripts/chaos.sh is told something else. */
export const otherFault = (words: string, fails: string): Control => ({
  when: `the fault is \`${words}\` in place of what is asked for`,
  change: step => step.kind === 'fault' ? { ...step, arguments: words.split(' ') } : step,
  fails
})

/** A load sends other headers. */
export const otherHeaders = (says: string, headers: Record<string, string>, fails: string): Control => ({
  when: `the requests of "${says}" have ${Object.keys(headers).length === 0 ? 'no header' : Object.entries(headers).map(([name, value]) => `\`${name}: ${value}\``).join(', ')}`,
  change: step => step.kind === 'load' && step.says === says ? { ...step, headers } : step,
  fails
})

/** Whether an exercise sends requests through a gateway. */
export const usesGateway = ({ needs, steps }: Pick<Exercise, 'needs' | 'steps'>) => needs.includes('gateway') || steps.some(({ kind }) => kind === 'load')

/** The same exercise without its lesson. */
export function withoutLesson (exercise: Exercise, { change }: Control): Exercise {
  return { ...exercise, steps: exercise.steps.flatMap(step => change(step) ?? []) }
}
