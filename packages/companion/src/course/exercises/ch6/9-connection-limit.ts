import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, inspect, load } from '../../steps.ts'
import { all, around } from '../../../judge/statistics.ts'
import { answered, failed } from '../calls.ts'
import { writeJsonAccessLog } from '../log.ts'
import { waitForCatalogCluster } from '../proxies.ts'
import { overflowsOf } from './overflow.ts'

export default {
  id: 'ch6.connection-limit',
  title: 'Limit the connections',
  aim: 'A slow service must not take all that its callers have. Over one connection, with one more call that may wait, the rest is refused at once, without a word to the catalog.',
  needs: ['store', 'gateway'],
  steps: [
    ...writeJsonAccessLog,
    fault('latency 200', 'Let every answer of the catalog take 200 ms.'),
    load('without-limit', '/api/catalog', { says: 'Without a limit all calls get through, ten at once.', rate: 50 }),
    expect('all-answered', 'calls that are answered', all, answered),
    apply('istio/ch6/catalog-dr-conn-limit.yaml', 'Allow one connection, and one call that waits for it.'),
    waitForCatalogCluster('proxy-has-limit', 'the webapp\'s proxy has the limit', /"maxConnections": 1\b/),
    load('above-limit', '/api/catalog', { says: 'Five a second get through at most; the others are refused.', rate: 50 }),
    expect('calls-refused', 'calls that are refused', around(0.88, { low: 0.7, high: 0.97 }), failed, { bears: 300 }),
    inspect('refusals-flagged', 'refusals by the webapp\'s own proxy, flagged UO', overflowsOf(failed))
  ],
  look: [
    '`kubectl logs deploy/webapp -c istio-proxy | grep \'"UO"\'`: 503 with the flag `UO`, upstream overflow. The catalog\'s log has none of these calls.',
    '`curl -i localhost:8080/api/catalog`: the webapp makes the book\'s 500 of it.'
  ],
  controls: [withhold('istio/ch6/catalog-dr-conn-limit.yaml', 'calls-refused')]
} satisfies Exercise
