import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, load } from '../../steps.ts'
import { all, around } from '../../../judge/statistics.ts'
import { failed } from '../calls.ts'
import { waitForCatalogCluster, waitForWebappRoutes } from '../proxies.ts'

export default {
  id: 'ch6.retry-budget',
  title: 'Keep retries from making it worse',
  aim: 'Retries multiply the load on what is broken already: four attempts for each call. A budget keeps them to a share of the calls that are under way.',
  needs: ['store', 'gateway'],
  istio: '1.27.1',
  steps: [
    fault('500 100', 'Break the catalog,'),
    fault('latency 200', 'and make it slow.'),
    apply('istio/ch2/catalog-virtualservice.yaml', 'Let the proxies try three more times.'),
    waitForWebappRoutes('proxy-retries', 'the webapp\'s proxy tries again', /"numRetries": 3/),
    load('without-budget', '/api/catalog', { says: 'Every call has four attempts: the catalog gets four times the load.', rate: 25 }),
    expect('all-have-four-attempts', 'calls with four attempts', all, ({ attempt }) => attempt === 4, { bears: 1000 }), // each has two seconds
    apply('istio/ch6/catalog-dr-retry-budget.yaml', 'Let retries be a tenth of what is under way.'),
    waitForCatalogCluster('proxy-has-budget', 'the webapp\'s proxy has the budget', /"retryBudget"/),
    load('within-budget', '/api/catalog', { says: 'Now few calls are tried again. They fail all the same, but the catalog is spared.', rate: 50 }),
    expect('budget-limits-attempts', 'calls with four attempts within the budget', around(0, { low: 0, high: 0.2 }), ({ attempt }) => attempt === 4, { bears: 400 }),
    expect('calls-fail', 'calls that fail', all, failed)
  ],
  look: [
    '`kubectl exec deploy/webapp -c istio-proxy -- pilot-agent request GET "stats?filter=retry_overflow"`, with the statistics of ch7.metrics included: the retries that the budget has refused.',
    '`retryBudget` is new in Istio 1.27, whose first release refuses a policy that has nothing else; 1.27.1 takes it. Before it, the number of retries under way at once was the only limit (`connectionPool.http.maxRetries`).'
  ],
  controls: [withhold('istio/ch6/catalog-dr-retry-budget.yaml', 'budget-limits-attempts')]
} satisfies Exercise
