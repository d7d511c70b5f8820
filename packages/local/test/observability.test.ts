// The observability layer is text that hangs on names: of metrics, routes, ports and files. Here it is held to those that there are.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildApp as buildCatalog } from '@outfitters/catalog/app'
import { CatalogEnv, resolveVersion } from '@outfitters/catalog/config'
import { buildApp as buildForum } from '@outfitters/forum/app'
import { ForumConfig } from '@outfitters/forum/config'
import { parseConfig } from '@outfitters/service-kit'
import { silentLogger, stubUpstream } from '@outfitters/service-kit/testing'
import { buildApp as buildWebapp } from '@outfitters/webapp/app'
import { WebappConfig } from '@outfitters/webapp/config'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { ROOT } from '../../../scripts/project.ts'
import { portsFrom, variableOf } from '../src/processes.ts'

interface Panel {
  id: number
  type: string
  title: string
  collapsed?: boolean
  datasource?: unknown
  gridPos: { x: number, y: number, w: number, h: number }
  fieldConfig?: { defaults: { noValue?: string } }
  targets?: { refId: string, datasource: unknown, expr: string }[]
  panels?: Panel[]
}
interface Dashboard { uid: string, panels: Panel[], templating: { list: { name: string, query: unknown, allValue?: string, datasource?: unknown }[] } }
interface Rules { groups: { rules: { record?: string, alert?: string, expr: string }[] }[] }
interface Logging { driver: string, options: Record<string, string> }
interface Compose { services: Record<string, { image?: string, ports?: string[], healthcheck?: unknown, volumes?: string[], build?: { dockerfile_inline?: string }, logging?: Logging }> }

const text = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const dashboard = JSON.parse(text('observability/grafana/dashboards/outfitters.json')) as Dashboard
const panels = dashboard.panels.flatMap(panel => [panel, ...panel.panels ?? []])
const targets = panels.flatMap(({ targets = [] }) => targets)
const rules = (parse(text('observability/prometheus/rules.yml')) as Rules).groups.flatMap(({ rules }) => rules)
const store = parse(text('docker-compose.yml'), { merge: true }) as Compose
const layer = parse(text('docker-compose.observability.yml'), { merge: true }) as Compose

const collector = parse(text('observability/collector.yml')) as {
  receivers: Record<string, { endpoint?: string }>
  exporters: Record<string, { endpoint: string }>
  service: { pipelines: Record<string, { exporters: string[] }> }
}

/** Where Docker's logging driver finds the collector, as compose has it before it knows the environment. */
const LOGS = '127.0.0.1:${LOGS_PORT:-24224}' // eslint-disable-line no-template-curly-in-string
/** A variable of Grafana's, kept from being read as one of its environment. */
const GRAFANA = (name: string) => `$\${${name}}`
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' } // eslint-disable-line no-template-curly-in-string
/** What Istio's proxies have, and Prometheus itself. */
const OF_OTHERS = ['istio_requests_total', 'istio_request_duration_milliseconds_bucket', 'up']

const apps = new Map<string, ReturnType<typeof buildWebapp>>()
/** The metrics that the services have, with their labels. */
const exposed = new Map<string, Set<string>>()
let upstream: Awaited<ReturnType<typeof stubUpstream>>

beforeAll(async () => {
  upstream = await stubUpstream((_request, response) => response.end('[]'))
  const [host, port] = ['127.0.0.1', String(upstream.port)]
  apps.set('catalog', buildCatalog(resolveVersion(parseConfig(CatalogEnv, {})), { logger: silentLogger }))
  apps.set('forum', buildForum(parseConfig(ForumConfig, { USERS_URL: `${upstream.origin}/users` }), { logger: silentLogger }))
  apps.set('webapp', buildWebapp(parseConfig(WebappConfig, { CATALOG_SERVICE_HOST: host, CATALOG_SERVICE_PORT: port, FORUM_SERVICE_HOST: host, FORUM_SERVICE_PORT: port }), { logger: silentLogger }))
  for (const [name, url] of [['catalog', '/items'], ['forum', '/api/users'], ['webapp', '/api/catalog']] as const) {
    await apps.get(name)?.inject(url)
    const { body = '' } = await apps.get(name)?.inject('/metrics') ?? {}
    for (const [, metric = '', labels = ''] of body.matchAll(/^(\w+)(?:\{(.*)\})? /gm)) {
      const known = exposed.get(metric) ?? new Set()
      for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label)
      exposed.set(metric, known)
    }
  }
})
afterAll(async () => {
  for (const app of apps.values()) await app.close()
  await upstream.close()
})

/** The metrics of a PromQL expression, each with the labels that it is selected by. */
function selectors (expr: string): { metric: string, labels: string[] }[] {
  const bare = expr.replace(/"[^"]*"|\[[^\]]*\]|\b(by|on|group_left) *\([^)]*\)/g, '') // without values, ranges and lists of labels
  return Array.from(bare.matchAll(/([a-z][\w:]*)\b(?! *\()(?:\{([^}]*)\})?/g), ([, metric = '', labels = '']) => ({ metric, labels: labels.match(/\w+/g) ?? [] }))
    .filter(({ metric }) => !['or', 'unless'].includes(metric))
}

describe('what is asked for is what the services have', () => {
  test.each([
    ...panels.flatMap(({ title, targets = [] }) => targets.map(({ refId, expr }) => [`panel ${title}, ${refId}`, expr] as const)),
    ...rules.map(({ record, alert, expr }) => [record ?? `alert ${alert}`, expr] as const)
  ])('%s', (_, expr) => {
    const recorded = rules.flatMap(({ record = [] }) => record)
    const found = selectors(expr)
    expect(found).not.toEqual([])
    for (const { metric, labels } of found.filter(({ metric }) => ![...OF_OTHERS, ...recorded].includes(metric))) {
      expect([...exposed.keys()]).toContain(metric)
      expect([...exposed.get(metric) ?? [], 'app', 'namespace']).toEqual(expect.arrayContaining(labels)) // these two are the scraper's
    }
  })

  test('that includes each metric of the contract', () => {
    const asked = [...targets, ...rules].flatMap(({ expr }) => selectors(expr)).map(({ metric }) => metric)
    expect(asked).toEqual(expect.arrayContaining(['http_server_request_duration_seconds_count', 'http_server_request_duration_seconds_bucket', 'http_client_request_duration_seconds_count', 'outfitters_build_info', 'istio_requests_total']))
  })

  test('what counts as operational is what the services say is', () => {
    const pattern = dashboard.templating.list.find(({ name }) => name === 'operational')?.query as string
    const left = new Set(rules.flatMap(({ expr }) => Array.from(expr.matchAll(/route!~"([^"]*)"/g), ([, found]) => found)))
    expect([...left]).toEqual([pattern])
    const isOperational = new RegExp(`^(?:${pattern})$`)
    for (const app of apps.values()) {
      const urls = [...app.operationalUrls]
      expect(urls.length).toBeGreaterThan(5)
      expect(urls.filter(url => !isOperational.test(url))).toEqual([])
    }
    for (const url of ['/', '/items', '/items/:id', '/api/catalog', '/api/users', '/images/:picture', 'unmatched']) expect(url).not.toMatch(isOperational)
  })
})

describe('the dashboard', () => {
  test('ids and titles are unique, and so are the letters of a panel\'s queries', () => {
    const letters = panels.map(({ targets = [] }) => targets.map(({ refId }) => refId))
    for (const values of [panels.map(({ id }) => String(id)), panels.map(({ title }) => title), ...letters]) {
      expect(new Set(values).size).toBe(values.length)
    }
  })

  test('every query goes to the data source, and to the namespace, that is chosen above', () => {
    expect(targets.length).toBeGreaterThan(15)
    for (const { datasource, expr } of targets) {
      expect(datasource).toEqual(DATASOURCE)
      expect(expr).toContain('namespace=~"$namespace"')
      for (const { metric, labels } of selectors(expr).filter(({ metric }) => metric.startsWith('http_'))) expect(labels, metric).toContain('namespace')
    }
    for (const panel of panels.filter(({ type }) => type !== 'row')) expect(panel.datasource).toEqual(DATASOURCE)
    expect(dashboard.templating.list.find(({ name }) => name === 'datasource')?.query).toBe('prometheus')
    // Anything, nothing included: outside a mesh there is no such label.
    expect(dashboard.templating.list.find(({ name }) => name === 'namespace')).toMatchObject({ datasource: DATASOURCE, allValue: '.*' })
  })

  test('an empty panel says why it is', () => {
    for (const { type, title, fieldConfig } of panels) {
      if (type !== 'row') expect(fieldConfig?.defaults.noValue, title).toMatch(/./)
    }
  })

  test('what only a mesh has is in a row of its own, closed at first', () => {
    const [row, ...others] = panels.filter(({ collapsed }) => collapsed === true)
    expect(others).toEqual([])
    for (const panel of panels) {
      expect(JSON.stringify(panel.targets ?? []).includes('istio_'), panel.title).toBe(row?.panels?.includes(panel))
    }
  })

  test('no two panels overlap, and none stands out', () => {
    for (const panel of panels) {
      const { x, y, w, h } = panel.gridPos
      expect(x + w, panel.title).toBeLessThanOrEqual(24)
      const overlapping = panels.filter(({ gridPos: other }) => x < other.x + other.w && other.x < x + w && y < other.y + other.h && other.y < y + h)
      expect(overlapping.map(({ title }) => title)).toEqual([panel.title])
    }
  })
})

describe('the data sources', () => {
  const { datasources } = parse(text('observability/grafana/provisioning/datasources/datasources.yml')) as {
    datasources: {
      uid: string
      type: string
      url: string
      jsonData: { tracesToLogsV2?: Record<string, unknown>, derivedFields?: Record<string, string>[] }
    }[]
  }
  const of = (type: string) => datasources.filter(source => source.type === type)

  test('each is a tool of the layer', () => {
    expect(datasources.map(({ type }) => type).sort()).toEqual(['jaeger', 'loki', 'prometheus'])
    for (const { url } of datasources) expect(Object.keys(layer.services)).toContain(new URL(url).hostname)
  })

  test('a span links to the log lines of its trace, and a log line links to its trace', () => {
    const [jaeger] = of('jaeger')
    const [loki] = of('loki')
    const query = '{service_name=~".+"} | trace_id="' + GRAFANA('__span.traceId') + '"'
    expect(jaeger?.jsonData.tracesToLogsV2).toMatchObject({ datasourceUid: loki?.uid, customQuery: true, query })
    const link = { matcherType: 'label', matcherRegex: 'trace_id', datasourceUid: jaeger?.uid, url: GRAFANA('__value.raw') }
    expect(loki?.jsonData.derivedFields).toEqual([expect.objectContaining(link)])
  })
})

describe('compose', () => {
  /* eslint-disable no-template-curly-in-string */
  test('the ports are the documented ones, on this machine alone, and a variable moves each', () => {
    const portsOf = ({ services }: Compose) => Object.entries(services)
      .flatMap(([name, { ports = [] }]) => ports.map(port => `${name} ${port}`)).sort()
    expect(portsOf(layer)).toEqual([
      `collector ${LOGS}:24224`,
      'grafana 127.0.0.1:${GRAFANA_PORT:-3030}:3000',
      'jaeger 127.0.0.1:${JAEGER_PORT:-16686}:16686',
      'prometheus 127.0.0.1:${PROMETHEUS_PORT:-9090}:9090'
    ])
    // The store's are those of npm start, with the same variables.
    expect(portsOf(store).map(port => port.replace(/:\d+$/, ''))).toEqual(
      Object.entries(portsFrom({})).map(([name, port]) => `${name} 127.0.0.1:\${${variableOf(name)}:-${port}}`).sort()
    )
  })
  /* eslint-enable no-template-curly-in-string */

  test('each tool has an exact version and a health check, and the files that it mounts are there', () => {
    const tools = Object.entries(layer.services).filter(([name]) => !(name in store.services))
    expect(tools.map(([name]) => name).sort()).toEqual(['collector', 'grafana', 'jaeger', 'loki', 'prometheus'])
    for (const [name, { image, build, healthcheck, volumes = [] }] of tools) {
      const images = build === undefined ? [image] : Array.from(build.dockerfile_inline?.matchAll(/^FROM (\S+)/gm) ?? [], ([, from]) => from)
      for (const one of images) expect(one, name).toMatch(/:v?\d+\.\d+\.\d+(-\w+)?$/)
      expect(healthcheck, name).toHaveProperty('test')
      for (const volume of volumes) expect(existsSync(join(ROOT, volume.split(':')[0] ?? '')), volume).toBe(true)
    }
  })

  test('Prometheus fetches from every service of the store, by the name and port that its own health check has', () => {
    const { scrape_configs: [{ static_configs: found }] } = parse(text('observability/prometheus/prometheus.yml')) as { scrape_configs: [{ static_configs: { labels: { app: string }, targets: string[] }[] }] }
    const services = Object.entries(store.services).filter(([name]) => name !== 'catalog') // the front has no metrics
    const expected = services.map(([name, { healthcheck }]) => `${name}:${/localhost:(\d+)/.exec(JSON.stringify(healthcheck))?.[1]}`)
    expect(found.flatMap(({ targets }) => targets).sort()).toEqual(expected.sort())
    for (const { labels: { app }, targets } of found) expect(targets.every(target => target.startsWith(app))).toBe(true)
  })

  test('Docker sends the lines of every service to the collector, and no service waits for it', () => {
    for (const name of Object.keys(store.services)) {
      const options = { 'fluentd-address': LOGS, 'fluentd-async': 'true', 'fluentd-sub-second-precision': 'true' }
      expect(layer.services[name]?.logging, name).toEqual({ driver: 'fluentd', options })
    }
    expect(collector.receivers['fluentforward']?.endpoint).toBe('0.0.0.0:24224')
  })

  test('the collector sends traces to Jaeger and log lines to Loki, which exist', () => {
    const endpointsOf = (names: string[]) => names.map(name => collector.exporters[name]?.endpoint.replace(/^.*:-(.*)}$/, '$1'))
    const targets = Object.entries(collector.service.pipelines).map(([signal, { exporters }]) => [signal, endpointsOf(exporters)])
    expect(Object.fromEntries(targets)).toEqual({ traces: ['jaeger:4317'], logs: ['http://loki:3100/otlp'] })
    expect(Object.keys(layer.services)).toEqual(expect.arrayContaining(['jaeger', 'loki']))
  })

  const hasCompose = spawnSync('docker', ['compose', 'version']).status === 0
  if (!hasCompose) console.warn('NOT CHECKED, since there is no docker compose on this machine: that both compose files go together')

  test.skipIf(!hasCompose)('both files go together, and every service of the store then sends its traces to the collector', () => {
    const merged = JSON.parse(execFileSync('docker', ['compose', '-f', 'docker-compose.yml', '-f', 'docker-compose.observability.yml', 'config', '--format', 'json'], { cwd: ROOT, encoding: 'utf8' })) as { services: Record<string, { environment?: Record<string, string> }> }
    expect(Object.keys(merged.services).sort()).toEqual([...new Set([...Object.keys(store.services), ...Object.keys(layer.services)])].sort())
    const tracing = Object.entries(merged.services).filter(([, { environment }]) => environment?.['OTEL_EXPORTER_OTLP_ENDPOINT'] === 'http://collector:4318')
    expect(tracing.map(([name]) => name).sort()).toEqual(Object.keys(store.services).filter(name => name !== 'catalog').sort())
    expect(merged.services['catalog-v2']?.environment).toMatchObject({ SERVICE_VERSION: 'v2', SHOW_IMAGE: 'true' })
  })
})
