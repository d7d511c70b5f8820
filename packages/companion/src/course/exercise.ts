import type { Count, Expected } from '../judge/statistics.ts'
import type { Call } from '../judge/load.ts'
import type { Samples } from '../judge/metrics.ts'

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

/** What every step has. */
interface StepBase {
  /** unique in its exercise: reports, recorded figures, controls and tests refer to it, so that the words beside it can be improved */
  id: string
}

/** What the checks judge. */
export interface Observed {
  /** of the last load */
  calls: Call[]
  /** by service: what was added to its metrics during the last load */
  metrics: Record<string, Samples>
  /** what the command printed: the command of an inspection, or the one during which the last load went on */
  output: string
  namespace: string
  /** the name of the gateway in traces */
  gateway: string
}

/** kubectl apply of a file, or of a folder with a kustomization, beneath k8s/; waits for what it deploys. */
export interface Apply extends StepBase {
  kind: 'apply'
  says: string
  file: string
  /** by a word in the file: the file whose text takes its place */
  values: Record<string, string>
}

/** A command that changes something: it has to end with 0. */
export interface Run extends StepBase {
  kind: 'run'
  says: string
  command: string[]
  /** keys of the objects that it makes or changes, as in `istio-system:secret/webapp-credential`; those of the exercise's namespace begin with the colon */
  makes: string[]
}

/** scripts/chaos.sh, by default in every catalog pod. */
export interface Fault extends StepBase {
  kind: 'fault'
  says: string
  arguments: string[]
}

/** Requests through the ingress gateway, as many as the expectations that follow need. */
export interface Load extends StepBase {
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
export interface Expect extends StepBase {
  kind: 'expect'
  name: string
  expected: Expected
  /** For a check about time: it is not judged if the noise of the machine, in milliseconds, is higher. */
  bears?: number | undefined
  count: (observed: Observed) => Count
}

/** What a command is to print. It is run again for some seconds while it is not as expected. */
export interface Inspect extends StepBase {
  kind: 'inspect'
  says: string
  name: string
  expected: Expected
  /** without a shell */
  command: string[]
  /** What the mesh lacks for this and what comes after it, told by what the command prints; by default nothing. The exercise ends here then. */
  lacks?: ((output: string) => string | undefined) | undefined
  count: (observed: Observed) => Count
}

/** A run in which something of the lesson is missing. The check with the id `fails` must fail. */
export interface Control {
  /** what is missing, as the end of "When …" */
  when: string
  /** what becomes of a step; undefined for nothing */
  change: (step: Step) => Step | undefined
  fails: string
}

/** Whether an exercise sends requests through a gateway. */
export const usesGateway = ({ needs, steps }: Pick<Exercise, 'needs' | 'steps'>) => needs.includes('gateway') || steps.some(({ kind }) => kind === 'load')
