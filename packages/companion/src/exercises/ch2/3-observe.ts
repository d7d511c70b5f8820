import { expect, expectMetrics, fault, load, type Exercise } from '../../exercise.ts'
import { about, all } from '../../judgement.ts'
import { failed } from './calls.ts'

const SERVED = 'http_server_request_duration_seconds_count'

export default {
  id: 'ch2.observe',
  title: 'See what the store does',
  aim: 'How many calls succeed can be told from the services\' own metrics, without asking those who call. An injected fault is marked as one.',
  needs: ['store', 'gateway'],
  steps: [
    fault('500', 50, 'Have something to see: let half of the catalog\'s answers fail.'),
    load('/api/catalog', { says: 'Read the metrics, send requests, and read the metrics again.', scrape: ['webapp', 'catalog'] }),
    expect('calls that fail', about(1 / 2, { tellFrom: [0.6] }), failed),
    expectMetrics('calls that the webapp has counted', all, (calls, { webapp }) =>
      ({ count: webapp?.(SERVED, { route: '/api/catalog' }) ?? 0, of: calls.length })),
    expectMetrics('failed calls that the webapp has counted as such', all, (calls, { webapp }) =>
      ({ count: webapp?.(SERVED, { route: '/api/catalog', status: '500' }) ?? 0, of: calls.filter(failed).length })),
    expectMetrics('failures of the catalog that are marked as injected', all, (_calls, { catalog }) =>
      ({ count: catalog?.(SERVED, { status: '500', fault: '500' }) ?? 0, of: catalog?.(SERVED, { status: '500' }) ?? 0 }))
  ],
  look: [
    '`kubectl exec deploy/webapp -c webapp -- curl -s localhost:8080/metrics`: by route, status, version and fault, and the same for the calls to the catalog.',
    '`kubectl logs deploy/catalog -c catalog`: a line for each request, with `fault` where one was injected, and the `requestId` that the webapp\'s line has too.',
    '`kubectl logs deploy/webapp -c istio-proxy`: the same requests as the proxy sees them, if the mesh writes access logs.'
  ],
  control: { faults: 60, fails: 'calls that fail' }
} satisfies Exercise
