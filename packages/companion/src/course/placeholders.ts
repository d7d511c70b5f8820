import { INGRESS } from '../cluster/gateway.ts'
import { DOMAIN } from '../cluster/manifests.ts'

/** The words that stand for values in commands, hosts, keys of objects and paths of files. */
export const PLACEHOLDERS = {
  NAMESPACE: 'the namespace of the exercise',
  GATEWAYS: 'the namespace of the gateway',
  'deploy/GATEWAY': 'the Deployment or DaemonSet of the gateway',
  GATEWAY_APP: 'the label `app` of the gateway',
  FOLDER: 'a folder for keys and tokens, which exists as long as the exercise runs',
  '--since=SINCE': 'the option of kubectl logs for the time at which the last load began',
  'start=SINCE': 'the parameter of a query for the time at which the last load began',
  SINCE: 'the time at which the last load began, in microseconds',
  [DOMAIN]: 'the domain of the hosts of the gateway'
}

/** A word that stands for a value. */
export type Placeholder = keyof typeof PLACEHOLDERS | typeof DOMAIN

/** What the placeholders stand for. A value that is not known yet is undefined. */
export type PlaceholderValues = Record<Placeholder, string | undefined>

/**
 * The last alternative also finds words that look like a placeholder, but are none. A placeholder can follow any
 * character: in a query it may come after `%22`.
 */
const PATTERN = new RegExp([
  '--since=SINCE\\b', 'start=SINCE\\b', 'deploy/GATEWAY\\b', RegExp.escape(DOMAIN),
  '(?:NAMESPACE|GATEWAY|FOLDER|SINCE)[A-Z_]*'
].join('|'), 'g')

/**
 * Replaces the placeholders in a text.
 *
 * @throws {Error} when the text has an unknown placeholder, or one whose value is not known yet
 */
export function fillPlaceholders (text: string, values: PlaceholderValues): string {
  return text.replaceAll(PATTERN, word => {
    if (!(word in PLACEHOLDERS)) {
      const known = Object.keys(PLACEHOLDERS).join(', ')
      throw new Error(`'${text}' has the unknown placeholder ${word}. Use one of these: ${known}`)
    }
    const value = values[word as Placeholder]
    if (value !== undefined) return value
    const meaning = PLACEHOLDERS[word as keyof typeof PLACEHOLDERS]
    throw new Error(`'${text}' uses ${word}, ${meaning}, before it is known. Move the step after one that provides it.`)
  })
}

/** The values for readers who type the commands of an exercise, as its page describes. */
export const VALUES_BY_HAND: PlaceholderValues = {
  NAMESPACE: 'istioinaction',
  GATEWAYS: 'istio-system',
  'deploy/GATEWAY': `deploy/${INGRESS}`,
  GATEWAY_APP: INGRESS,
  FOLDER: '/tmp/outfitters',
  '--since=SINCE': '--since=1m',
  'start=SINCE': 'lookback=5m',
  SINCE: '0',
  [DOMAIN]: DOMAIN
}

/** What a run knows of the values. */
export interface RunValues {
  namespace: string
  /** undefined until there is a gateway */
  gateway: { namespace: string, workload: string | undefined, app: string | undefined } | undefined
  /** undefined until a step needs it */
  folder: string | undefined
  /** microseconds; undefined before the first load */
  since: number | undefined
  /** replaces the domain of the book */
  host: string | undefined
}

/** The values for a run in a cluster. */
export function valuesForRun ({ namespace, gateway, folder, since, host }: RunValues): PlaceholderValues {
  return {
    NAMESPACE: namespace,
    GATEWAYS: gateway?.namespace,
    'deploy/GATEWAY': gateway?.workload,
    GATEWAY_APP: gateway?.app,
    FOLDER: folder,
    '--since=SINCE': since === undefined ? undefined : `--since-time=${new Date(since / 1000).toISOString()}`,
    'start=SINCE': since === undefined ? undefined : `start=${since}`,
    SINCE: since === undefined ? undefined : String(since),
    [DOMAIN]: host ?? DOMAIN
  }
}
