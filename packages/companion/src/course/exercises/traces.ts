import type { Inspect, Observed, Step } from '../exercise.ts'
import { expect, load, share } from '../steps.ts'
import { all, type Count } from '../../judge/statistics.ts'
import { waitForListeners } from './proxies.ts'

/** As Jaeger tells it. */
export interface Trace {
  spans: { spanID: string, processID: string, operationName: string, references: { spanID: string }[], tags: { key: string, value: unknown }[] }[]
  processes: Record<string, { serviceName: string }>
}

/** The gateway's name in its spans. */
export const GATEWAY = 'GATEWAY_APP.GATEWAYS'

/** Waits until the gateway knows what a Telemetry says. */
export const waitForGatewayTelemetry = (sign: RegExp): Inspect =>
  waitForListeners('gateway-has-telemetry', 'the gateway has heard of the Telemetry', 'Look into the gateway until it has heard of that.', 'deploy/GATEWAY', sign, { namespace: 'GATEWAYS' })

/** Waits until the proxies of webapp and catalog know of the tag in components/observability. */
export const waitForProxyTelemetry: Inspect[] = ['webapp', 'catalog'].map(service =>
  waitForListeners(`${service}-has-telemetry`, `the proxy of the ${service} has heard of the Telemetry`, `Look into the proxy of the ${service} until it has.`, `deploy/${service}`, /"dark-launch"/))

/**
 * A connection from before a change is served as before it, once more: after that its proxy closes it. At another rate than this many would not be used
 * at all, and wait for a later load: proxies take the connection first that was the last in use.
 */
export const renewConnections: Step[] = [
  load('renew-connections', '/api/catalog', { says: 'Have connections from before the change closed: each serves one more request as it did.', rate: 2000, arrived: { only: ({ status }) => status > 0 } }),
  expect('renewed-connections-answer', 'answers while connections are closed', all, ({ status }) => status > 0)
]

/** Asks Jaeger for the traces since the load in which a service has a part; by way of the API server, so that no port-forward is needed. */
export const queryTraces = (service: string): string[] =>
  ['kubectl', 'get', '--raw', `/api/v1/namespaces/istio-system/services/tracing:80/proxy/jaeger/api/traces?service=${service}&start=SINCE&limit=2000`]

/** The traces in Jaeger's answer; none where it is no answer. */
export function tracesIn (output: string): Trace[] {
  try {
    return (JSON.parse(output) as { data: Trace[] }).data
  } catch {
    return []
  }
}

/** For how many of the calls there is a trace that leads from the gateway to the webapp and on to the catalog in one piece; pieces count as calls. */
export const countCompleteTraces = ({ output, namespace, calls, gateway }: Observed): Count => {
  const services = [gateway, `webapp.${namespace}`, `catalog.${namespace}`]
  const { count, of } = share(tracesIn(output), trace => {
    const graph = graphOf(trace)
    return rootsOf(trace) === 1 && services.slice(1).every((service, i) => graph.has(`${services[i]} → ${service}`))
  })
  return { count, of: Math.max(of, calls.length) }
}

/** Whether a tag has a value in any span of a trace. */
export const hasTag = (trace: Trace, tag: string, wanted: string) => trace.spans.some(({ tags }) => tags.some(({ key, value }) => key === tag && value === wanted))

/** Whether the gateway sent the request of a trace to this namespace: others may use the gateway too. */
export const isRoutedTo = (trace: Trace, namespace: string) => JSON.stringify(trace.spans).includes(`webapp.${namespace}.svc`)

/** Which service called which, and where the trace begins: `outside → webapp.shop`. */
export function graphOf ({ spans, processes }: Trace): Set<string> {
  const serviceOf = (id: string | undefined) => processes[spans.find(({ spanID }) => spanID === id)?.processID ?? '']?.serviceName
  const edges = spans.map(({ spanID, references }) => [serviceOf(references[0]?.spanID) ?? 'outside', serviceOf(spanID)])
  return new Set(edges.filter(([from, to]) => from !== to).map(([from, to]) => `${from} → ${to}`))
}

/** How many spans of a trace have no parent. */
export const rootsOf = ({ spans }: Trace) => spans.filter(({ references }) => references.length === 0).length
