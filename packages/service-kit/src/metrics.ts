import fp from 'fastify-plugin'
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { statusOf } from './answered.ts'
import type { BaseConfig } from './config.ts'
import { REQUEST_TIMEOUT_MS, type Refusal } from './refusals.ts'
import { Type } from './schema.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The metrics of this service, and of no other in the same process. */
    metrics: Registry
    /** Counts a request that was refused before any route saw it. */
    countRefusal: (refusal: Refusal) => void
  }
}

/** The buckets of durations in seconds: from a cached answer to the longest wait for an upstream. */
export const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15]

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

  const duration = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'How long requests took, by method, route, status, version and injected fault.',
    labelNames: ['method', 'route', 'status', 'version', 'fault'],
    buckets: DURATION_BUCKETS,
    registers: [registry]
  })

  app.whenAnswered((request, reply, { url = 'unmatched' }) => {
    duration.observe({
      method: request.method,
      route: url,
      status: statusOf(reply),
      version,
      fault: request.fault ?? ''
    }, reply.elapsedTime / 1000)
  })

  app.decorate('countRefusal', ({ status }) => {
    // `_OTHER` is OpenTelemetry's name for an unknown method. The duration is known only for timeouts.
    const seconds = status === 408 ? REQUEST_TIMEOUT_MS / 1000 : 0
    duration.observe({ method: '_OTHER', route: 'unmatched', status, version, fault: '' }, seconds)
  })

  app.get('/metrics', {
    config: { operational: true },
    schema: {
      tags: ['operations'],
      summary: 'Metrics for Prometheus',
      produces: ['text/plain'],
      response: { 200: Type.String() }
    }
  }, async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()))
}, { name: 'metrics', dependencies: ['answered'] })
