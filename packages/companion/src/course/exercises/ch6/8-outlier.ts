import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, load } from '../../steps.ts'
import { all, around } from '../../../judge/statistics.ts'
import { answered, failed, from } from '../calls.ts'

export default {
  id: 'ch6.outlier',
  title: 'Send a failing pod off, and let it come back',
  aim: 'A pod that fails again and again gets no calls for a while. Nobody has to notice, and nobody has to let it in again when it is well.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    fault('500 100 --version v2', 'Let one of the two pods fail.'),
    load('before-ejection', '/api/catalog', { says: 'Calls fail, as many as it gets.', rate: 50 }),
    expect('calls-fail', 'calls that fail', around(1 / 2, { low: 0.3, high: 0.7 }), failed),
    apply('istio/ch6/catalog-dr-outlier.yaml', 'Have a pod that answers five times in a row with a 5xx sent off for ten seconds.'),
    load('ejected', '/api/catalog', { says: 'It gets no more calls.', arrived: { only: answered }, rate: 100, within: 9000, recovers: 12_000 }), // the pod is ejected for ten seconds
    expect('other-pod-answers', 'calls that the other pod answers', all, from('v1')),
    fault('delete --version v2', 'Make it well.'),
    load('returned', '/api/catalog', { says: 'Once its time is over, it gets its share again.', arrived: { seen: ({ version }) => version === 'v2' }, rate: 50 }),
    expect('returned-pod-answers', 'calls that it answers after that', around(1 / 2, { low: 0.3, high: 0.7 }), from('v2'))
  ],
  look: [
    '`istioctl proxy-config endpoints deploy/webapp --cluster "outbound|80||catalog.istioinaction.svc.cluster.local"`: `OUTLIER CHECK` is `FAILED` for the pod while it is off.',
    'Each time that a pod is sent off again it stays off for longer.',
    'Kubernetes knows nothing of it: the pod is ready all the time, since `/readyz` is no business path.'
  ],
  controls: [withhold('istio/ch6/catalog-dr-outlier.yaml', 'other-pod-answers')]
} satisfies Exercise
