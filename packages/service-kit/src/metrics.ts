import fp from 'fastify-plugin'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { statusOf } from './answered.ts'
import { TextBody } from './bodies.ts'
import type { BaseConfig } from './config.ts'
import { Durations } from './durations.ts'
import { REQUEST_TIMEOUT_MS, type Refusal } from './refusals.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The metrics of this service, and of no other in the same process. */
    metrics: Registry
    /** Counts a request that was refused before any route saw it. */
    countRefusal: (refusal: Refusal) => void
  }
}

type MetricsOptions = Pick<BaseConfig, 'SERVICE_VERSION'> & { name: string }

/**
 * `/metrics` for Prometheus: `http_server_request_duration_seconds`, `outfitters_build_info`, and Node's own metrics
 * (event loop, heap, garbage collection). Labels have few values: the route is the pattern, never the path of the
 * request. The status 0 is a connection that ended without an answer.
 */
export const metrics = fp<MetricsOptions>(async (app, { name, SERVICE_VERSION: version }) => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  app.decorate('metrics', registry)

  new Gauge({
    name: 'outfitters_build_info',
    help: 'Always 1; what runs here is in the labels.',
    labelNames: ['service', 'version', 'node'],
    registers: [registry]
  }).set({ service: name, version, node: process.version }, 1)

  const durations = new Durations(
    'http_server_request_duration_seconds',
    'How long requests took, by method, route, status, version and injected fault.',
    registry
  )
  const observe = (method: string, route: string, status: number, fault: string, seconds: number) => {
    durations.observe(`${method} ${route} ${status} ${fault}`, seconds, () =>
      ({ method, route, status, version, fault }))
  }

  app.whenAnswered((request, reply, { url = 'unmatched' }) => {
    observe(request.method, url, statusOf(reply), request.fault ?? '', reply.elapsedTime / 1000)
  })

  app.decorate('countRefusal', ({ status }) => {
    // `_OTHER` is OpenTelemetry's name for an unknown method. The duration is known only for timeouts.
    const seconds = status === 408 ? REQUEST_TIMEOUT_MS / 1000 : 0
    observe('_OTHER', 'unmatched', status, '', seconds)
  })

  app.get('/metrics', {
    config: { operational: true },
    schema: {
      tags: ['operations'],
      summary: 'Metrics for Prometheus',
      response: { 200: TextBody() }
    }
  }, async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()))
}, { name: 'metrics', dependencies: ['answered'] })
