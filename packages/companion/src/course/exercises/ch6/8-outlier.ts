import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, load } from '../../steps.ts'
import { all, around } from '../../../judge/statistics.ts'
import { answered, failed, from } from '../calls.ts'

export default {
  id: 'ch6.outlier',
  title: 'Eject a failing pod, and let it return',
  aim: 'Outlier detection ejects a pod that fails several times in a row: for a while, the pod gets no calls. ' +
    'The ejection and the return of the pod are both automatic.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    fault('500 100 --version v2', 'Make version 2, one of the two pods, answer every call with 500.'),
    load('before-ejection', '/api/catalog', {
      says: 'Send requests. About half of the calls reach version 2 and fail.'
    }),
    expect('calls-fail', 'failed calls before the ejection', around(1 / 2, { low: 0.3, high: 0.7 }), failed),
    apply('istio/ch6/catalog-dr-outlier.yaml', 'Eject a pod for ten seconds after five 5xx answers in a row.'),
    load('ejected', '/api/catalog', {
      says: 'Send requests. The ejected pod gets no calls.',
      arrived: { only: answered },
      rate: 100,
      within: 9000, // the pod is ejected for ten seconds
      recovers: 12_000
    }),
    expect('other-pod-answers', 'answers from version 1 while version 2 is ejected', all, from('v1')),
    fault('delete --version v2', 'Remove the fault from version 2.'),
    load('returned', '/api/catalog', {
      says: 'Send requests. Once the ejection is over, version 2 gets its share of the calls again.',
      arrived: { seen: ({ version }) => version === 'v2' }
    }),
    expect('returned-pod-answers', 'answers from version 2 after its return',
      around(1 / 2, { low: 0.3, high: 0.7 }), from('v2'))
  ],
  look: [
    '`istioctl proxy-config endpoints deploy/webapp --cluster "outbound|80||catalog.istioinaction.svc.cluster.local"`' +
      ': the column `OUTLIER CHECK` shows `FAILED` for the pod while it is ejected.',
    'Each further ejection of the same pod lasts longer.',
    'Kubernetes does not know about the ejection. The pod stays ready, because the injected fault does not affect ' +
      'the path of the readiness probe, `/readyz`.'
  ],
  controls: [withhold('istio/ch6/catalog-dr-outlier.yaml', 'other-pod-answers')]
} satisfies Exercise
