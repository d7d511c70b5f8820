import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, load } from '../../steps.ts'
import { all, around } from '../../../judge/statistics.ts'
import { answered, failed } from '../calls.ts'
import { writeJsonAccessLog } from '../log.ts'
import { waitForCatalogCluster } from '../proxies.ts'
import { refusalsInAccessLog } from './overflow.ts'

export default {
  id: 'ch6.connection-limit',
  title: 'Limit the connections to a service',
  aim: 'A slow service must not use up the resources of its callers. Here, the webapp\'s sidecar opens one ' +
    'connection to the catalog and lets one more call wait for it. It refuses all other calls at once, before they ' +
    'reach the catalog.',
  needs: ['store', 'gateway'],
  steps: [
    ...writeJsonAccessLog,
    fault('latency 200', 'Delay every answer of the catalog by 200 ms.'),
    load('without-limit', '/api/catalog', {
      says: 'Send requests, about ten of them at the same time. Without a limit, all calls succeed.',
      rate: 50
    }),
    expect('all-answered', 'calls that succeed without a limit', all, answered),
    apply('istio/ch6/catalog-dr-conn-limit.yaml', 'Allow one connection to the catalog, and one waiting call.'),
    waitForCatalogCluster('proxy-has-limit', 'webapp sidecars with the limit', /"maxConnections": 1\b/),
    load('above-limit', '/api/catalog', {
      says: 'Send requests. At most five calls a second succeed, and the sidecar refuses the others.',
      rate: 50
    }),
    expect('calls-refused', 'refused calls', around(0.88, { low: 0.7, high: 0.97 }), failed, { tolerates: 300 }),
    refusalsInAccessLog
  ],
  look: [
    '`kubectl logs deploy/webapp -c istio-proxy | grep \'"UO"\'` shows 503 with the response flag `UO`, which means ' +
      'upstream overflow. The catalog\'s log has none of these calls.',
    '`curl -i localhost:8080/api/catalog`: the webapp turns the 503 into a 500, as in the book.'
  ],
  controls: [withhold('istio/ch6/catalog-dr-conn-limit.yaml', 'calls-refused')]
} satisfies Exercise
