import type { Addon } from '../cluster/preflight.ts'
import type { Call } from '../judge/load.ts'
import type { Samples } from '../judge/metrics.ts'
import type { Count, Expected } from '../judge/statistics.ts'

/** What an exercise finds when it begins: a file or folder beneath k8s/ in its namespace, or an add-on of Istio. */
interface Requirement extends Addon {
  is: string
  file?: string
}

const requirements = {
  store: { is: 'the store: version 1 of the catalog, the webapp and the forum', file: '.' },
  gateway: {
    is: 'a Gateway and a VirtualService, which expose the webapp at the ingress gateway',
    file: 'istio/ch2/ingress-gateway.yaml'
  },
  v2: { is: 'version 2 of the catalog', file: 'services/catalog-v2.yaml' },
  outside: { is: 'a pod without a sidecar, from which you call the store', file: 'tools/outside.yaml' },
  jaeger: {
    is: 'Jaeger in istio-system, from Istio\'s add-ons, and the tracing provider `jaeger` in the mesh\'s ' +
      'configuration',
    addon: 'tracing',
    provider: 'jaeger'
  },
  prometheus: { is: 'Prometheus in istio-system, from Istio\'s add-ons', addon: 'prometheus' }
}

/** What an exercise can need: the name of an entry of NEEDS. */
export type Need = keyof typeof requirements

/** What exercises need. Files are applied before the exercise begins; add-ons must be installed. */
export const NEEDS: Record<Need, Requirement> = requirements

/** A lesson: its steps change the mesh, send requests, and judge the result. The run undoes what they change. */
export interface Exercise {
  /** chapter and name: ch2.retry */
  id: string
  title: string
  /** what the reader learns, in a sentence or two */
  aim: string
  /** what is in the namespace at the start; everything else of the store and of Istio is removed first */
  needs: Need[]
  /** the oldest Istio that has what this exercise needs, such as `1.27.1`, if the others work with an older one */
  istio?: string
  steps: Step[]
  /** what to look at in order to understand it, as Markdown */
  look: string[]
  /** the runs that prove that the exercise can fail */
  controls: Control[]
}

/**
 * A step of an exercise. Its `says` tells the reader what is going to happen. Commands, hosts, paths of files and keys
 * of objects can have placeholders: placeholders.ts lists them.
 */
export type Step = Apply | Run | Fault | Load | Expect | Inspect

/** What every step has. */
interface StepBase {
  /** unique in its exercise; reports, figures, controls and tests refer to it, so the words beside it can change */
  id: string
}

/** What the checks judge. */
export interface Observed {
  /** of the last load */
  calls: Call[]
  /** by service: what the last load added to its metrics */
  metrics: Record<string, Samples>
  /** what the command of an inspection printed, or the command that ran during the last load */
  output: string
  namespace: string
  /** the name of the gateway in traces */
  gateway: string
}

/** kubectl apply of a file beneath k8s/, or of a folder with a kustomization; waits for what it deploys. */
export interface Apply extends StepBase {
  kind: 'apply'
  says: string
  file: string
  /** by a word in the file: the path of the file whose text replaces it */
  values: Record<string, string>
}

/** A command that changes something. It must end with 0. */
export interface Run extends StepBase {
  kind: 'run'
  says: string
  command: string[]
  /**
   * the keys of the objects that it makes or changes, such as `istio-system:secret/webapp-credential`; a key that
   * begins with the colon is in the namespace of the exercise
   */
  makes: string[]
}

/** A call of scripts/chaos.sh, by default for all catalog pods. */
export interface Fault extends StepBase {
  kind: 'fault'
  says: string
  arguments: string[]
}

/** Requests through the ingress gateway, as many as the checks that follow need. */
export interface Load extends StepBase {
  kind: 'load'
  says: string
  path: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string | undefined
  /** the host in the requests, if the gateway has several */
  host?: string | undefined
  /** for HTTPS: the paths of the certificates of the authority and of the client, and of the client's key */
  tls?: { ca: string, cert?: string, key?: string } | undefined
  /** requests a second, if the lesson needs this rate; by default, as many as the cluster sustains, from 25 to 400 */
  rate?: number | undefined
  /**
   * how long the effect that the load shows lasts, in milliseconds from the change that the load waits for, or from its
   * first request. A load that takes longer is not judged.
   */
  within?: number | undefined
  /** the milliseconds after which the load can be sent again, if it uses something up, such as tokens */
  recovers?: number | undefined
  /** the words of a command: the load goes on until that command ends */
  during?: string[] | undefined
  /** how to see that the proxies have received a change; the load begins then, or when the time for waiting is up */
  arrived?: Arrival | undefined
  /** the services whose /metrics are read before and after; the checks see the difference */
  scrape: string[]
}

/**
 * How to see that a change has arrived: `seen` is true for one call, or `only` is true for all of twenty calls at once,
 * three times in a row.
 */
export type Arrival = { seen: (call: Call) => boolean } | { only: (call: Call) => boolean }

/** A check of the load before it. */
export interface Expect extends StepBase {
  kind: 'expect'
  name: string
  expected: Expected
  /** for a check about time: the most noise of the machine, in milliseconds, with which the check is judged */
  tolerates?: number | undefined
  /** whether it counts calls and nothing else, so that the calls so far can be counted while the load runs */
  ofCalls: boolean
  count: (observed: Observed) => Count
}

/** A check of what a command prints. Until the output is as expected, the command runs again for a while. */
export interface Inspect extends StepBase {
  kind: 'inspect'
  says: string
  name: string
  expected: Expected
  /** without a shell */
  command: string[]
  /** reads from the output what the mesh lacks for this check and the following ones; the exercise then ends */
  lacks?: ((output: string) => string | undefined) | undefined
  count: (observed: Observed) => Count
}

/** A run of an exercise in which something of its lesson is missing. The check with the id `fails` must fail. */
export interface Control {
  /** what is missing or different: it completes a sentence that ends with "if …" */
  when: string
  /** the step to carry out instead of a step; undefined for none */
  change: (step: Step) => Step | undefined
  fails: string
}

/** Whether an exercise sends requests through a gateway. */
export const usesGateway = ({ needs, steps }: Pick<Exercise, 'needs' | 'steps'>) =>
  needs.includes('gateway') || steps.some(({ kind }) => kind === 'load')
