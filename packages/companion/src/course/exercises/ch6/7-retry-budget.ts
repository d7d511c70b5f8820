import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, load } from '../../steps.ts'
import type { Call } from '../../../judge/load.ts'
import { all, around } from '../../../judge/statistics.ts'
import { failed } from '../calls.ts'
import { waitForCatalogCluster, waitForWebappRoutes } from '../proxies.ts'

const hasFourAttempts = ({ attempt }: Call) => attempt === 4

export default {
  id: 'ch6.retry-budget',
  title: 'Limit retries with a budget',
  aim: 'Retries multiply the load on a service that is already failing: with three retries, each call makes four ' +
    'attempts. A retry budget limits retries to a share of the active calls.',
  needs: ['store', 'gateway'],
  istio: '1.27.1',
  steps: [
    fault('500 100', 'Make the catalog answer every call with 500.'),
    fault('latency 200', 'Delay every answer of the catalog by 200 ms.'),
    apply('istio/ch2/catalog-virtualservice.yaml', 'Make the sidecars retry a failed call up to three times.'),
    waitForWebappRoutes('proxy-retries', 'webapp sidecars that retry', /"numRetries": 3/),
    load('without-budget', '/api/catalog', {
      says: 'Send requests. Every call makes four attempts, so the catalog gets four times the load.',
      rate: 50
    }),
    expect('all-have-four-attempts', 'calls that had four attempts without a budget', all, hasFourAttempts, {
      tolerates: 1000 // each attempt has two seconds
    }),
    apply('istio/ch6/catalog-dr-retry-budget.yaml', 'Limit retries to a tenth of the active calls.'),
    waitForCatalogCluster('proxy-has-budget', 'webapp sidecars with the retry budget', /"retryBudget"/),
    load('within-budget', '/api/catalog', {
      says: 'Send requests. All calls still fail, but the sidecar retries only a few of them. So the catalog gets ' +
        'less load.',
      rate: 50
    }),
    expect('budget-limits-attempts', 'calls that had four attempts with the budget',
      around(0, { low: 0, high: 0.2 }), hasFourAttempts, { tolerates: 400 }),
    expect('calls-fail', 'failed calls with the budget', all, failed)
  ],
  look: [
    '`kubectl exec deploy/webapp -c istio-proxy -- pilot-agent request GET "stats?filter=retry_overflow"` shows how ' +
      'many retries the budget has refused. The sidecar keeps this statistic only if you include it as in ch7.metrics.',
    '`retryBudget` is new in Istio 1.27. Istio 1.27.0 rejects a policy that contains nothing else, and 1.27.1 ' +
      'accepts it. Older versions can limit only the number of concurrent retries ' +
      '(`connectionPool.http.maxRetries`).'
  ],
  controls: [withhold('istio/ch6/catalog-dr-retry-budget.yaml', 'budget-limits-attempts')]
} satisfies Exercise
