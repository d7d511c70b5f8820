import type { Inspect, Observed, Step } from '../exercise.ts'
import { expect, load, share } from '../steps.ts'
import { BURST_RATE } from '../../judge/load.ts'
import { all, type Count } from '../../judge/statistics.ts'
import { waitForListeners } from './proxies.ts'

/** A trace, as Jaeger's API returns it. */
export interface Trace {
  spans: Span[]
  processes: Record<string, { serviceName: string }>
}

interface Span {
  spanID: string
  processID: string
  operationName: string
  references: { spanID: string }[]
  tags: { key: string, value: unknown }[]
}

/** The service name of the gateway in its spans. */
export const GATEWAY = 'GATEWAY_APP.GATEWAYS'

/** Waits until the gateway has received a Telemetry. */
export const waitForGatewayTelemetry = (sign: RegExp, shows?: string): Inspect =>
  waitForListeners('gateway-has-telemetry', 'ingress gateways with the Telemetry', {
    says: 'Wait until the gateway has received the Telemetry.',
    deployment: 'GATEWAY',
    namespace: 'GATEWAYS',
    sign,
    shows
  })

/** Waits until the sidecars of webapp and catalog have received the tag of components/observability/telemetry.yaml. */
export const waitForProxyTelemetry: Inspect[] = ['webapp', 'catalog'].map(service =>
  waitForListeners(`${service}-has-telemetry`, `${service} sidecars with the Telemetry`, {
    says: `Wait until the ${service}'s sidecar has received the Telemetry.`,
    deployment: service,
    sign: /"dark-launch"/
  }))

const hasAnswer = ({ status }: { status: number }) => status > 0

/**
 * Closes the connections from before a change. A proxy serves one more request on such a connection with the old
 * configuration, and then closes it. A load that keeps many calls waiting at the same time may leave that many
 * connections, so these requests are many, and are sent as fast as possible.
 */
export const renewConnections: Step[] = [
  load('renew-connections', '/api/catalog', {
    says: 'Send requests until the proxies have closed the connections from before the change. Each such ' +
      'connection serves one more request with the old configuration.',
    rate: BURST_RATE,
    arrived: { only: hasAnswer }
  }),
  expect('renewed-connections-answer', 'calls that get an answer while connections are closed', all, hasAnswer)
]

/**
 * The command that asks Jaeger for the traces of a service since the load began. It goes through the API server, so
 * that it needs no port-forward.
 */
export const queryTraces = (service: string): string[] => {
  const jaeger = '/api/v1/namespaces/istio-system/services/tracing:80/proxy/jaeger'
  return ['kubectl', 'get', '--raw', `${jaeger}/api/traces?service=${service}&start=SINCE&limit=2000`]
}

/** Reads the traces from Jaeger's answer. Returns none if the output is something else. */
export function tracesIn (output: string): Trace[] {
  try {
    return (JSON.parse(output) as { data: Trace[] }).data
  } catch {
    return []
  }
}

/**
 * Counts the complete traces: those with one root that lead from the gateway through the webapp to the catalog. A trace
 * in pieces appears as several traces. Each piece counts as a call, so the share of complete traces falls.
 */
export const countCompleteTraces = ({ output, namespace, calls, gateway }: Observed): Count => {
  const services = [gateway, `webapp.${namespace}`, `catalog.${namespace}`]
  const { count, of } = share(tracesIn(output), trace => {
    const graph = graphOf(trace)
    return rootsOf(trace) === 1 && services.slice(1).every((service, i) => graph.has(`${services[i]} → ${service}`))
  })
  return { count, of: Math.max(of, calls.length) }
}

/** Whether any span of a trace has this tag with this value. */
export const hasTag = ({ spans }: Trace, tag: string, wanted: string) =>
  spans.some(({ tags }) => tags.some(({ key, value }) => key === tag && value === wanted))

/** Whether the gateway routed the request of a trace to this namespace. Others may use the gateway too. */
export const isRoutedTo = (trace: Trace, namespace: string) =>
  JSON.stringify(trace.spans).includes(`webapp.${namespace}.svc`)

/** Returns the calls between services, such as `webapp.shop → catalog.shop`. A trace begins at `outside`. */
export function graphOf ({ spans, processes }: Trace): Set<string> {
  const serviceOf = (id: string | undefined) => {
    const span = spans.find(({ spanID }) => spanID === id)
    return processes[span?.processID ?? '']?.serviceName
  }
  const edges = spans.map(({ spanID, references: [parent] }) =>
    [serviceOf(parent?.spanID) ?? 'outside', serviceOf(spanID)])
  return new Set(edges.filter(([from, to]) => from !== to).map(([from, to]) => `${from} → ${to}`))
}

/** Counts the spans of a trace that have no parent. */
export const rootsOf = ({ spans }: Trace) => spans.filter(({ references }) => references.length === 0).length
