import { otherHeaders, withhold } from '../../controls.ts'
import type { Exercise, Observed } from '../../exercise.ts'
import { apply, expect, expectCount, load, share } from '../../steps.ts'
import { all, around, none } from '../../../judge/statistics.ts'
import { answered } from '../calls.ts'
import { renewConnections } from '../traces.ts'
import { waitForWebappFilter } from '../proxies.ts'

/** A tapped request with its answer, as Envoy prints it. */
interface Tapped {
  http_buffered_trace: { request: Message, response?: Message }
}

interface Message {
  headers: { key: string, value: string }[]
  body?: { as_string: string }
}

/** Selects the requests with the header x-tap: yes. */
const TAP_REQUEST = JSON.stringify({
  config_id: 'webapp',
  tap_config: {
    match: { http_request_headers_match: { headers: [{ name: 'x-tap', string_match: { exact: 'yes' } }] } },
    output_config: { sinks: [{ format: 'JSON_BODY_AS_STRING', streaming_admin: {} }] }
  }
})

/** Taps for three seconds: curl, in the webapp's container, calls the admin port of the sidecar in the same pod. */
const TAP = [
  'kubectl', '-n', 'NAMESPACE', 'exec', 'deploy/webapp', '-c', 'webapp', '--',
  'curl', '-s', '--max-time', '3', '-d', TAP_REQUEST, 'localhost:15000/tap'
]

/** Requests a second. There are fewer than usual, because each tapped request prints a screenful. */
const RATE = 20

/**
 * The tapped requests in the output. Each is a JSON object whose outer braces have their own lines. If the last one is
 * cut off, it does not count.
 */
const tappedIn = (output: string): Tapped[] =>
  [...output.matchAll(/^\{\n[^]*?^\}$/gm)].map(([text]) => JSON.parse(text) as Tapped)

const countTapped = ({ calls, output }: Observed) => ({ count: tappedIn(output).length, of: calls.length })

const headerOf = (message: Message | undefined, name: string) =>
  message?.headers.find(({ key }) => key === name)?.value

const isComplete = ({ http_buffered_trace: { request, response } }: Tapped) =>
  headerOf(request, 'x-tap') === 'yes' &&
  headerOf(response, ':status') === '200' &&
  response?.body?.as_string.includes('"name":"Elinor Glasses"') === true

export default {
  id: 'ch14.tap',
  title: 'Tap selected requests',
  aim: 'A tap filter shows whole requests and answers, with headers and bodies, but only for requests that match a ' +
    'condition. The service does not change.',
  needs: ['store', 'gateway'],
  steps: [
    apply('istio/ch14/tap-envoy-filter.yaml',
      'Add the tap filter to the webapp\'s sidecar. The filter does nothing until a client asks the sidecar\'s ' +
        'admin port for requests.'),
    waitForWebappFilter('envoy.filters.http.tap'),
    ...renewConnections,
    load('not-tapped', '/api/catalog', {
      says: 'Ask the sidecar\'s admin port for requests with the header x-tap: yes, and send requests without it. ' +
        'None of them is tapped.',
      rate: RATE,
      during: TAP
    }),
    expect('not-tapped-answered', 'calls without the header that succeed', all, answered),
    expectCount('no-taps-without-header', 'calls without the header that are tapped', none, countTapped),
    load('tapped', '/api/catalog', {
      says: 'Ask the sidecar\'s admin port again, and send requests with the header x-tap: yes. The output shows ' +
        'them with their answers.',
      headers: { 'x-tap': 'yes' },
      rate: RATE,
      during: TAP
    }),
    expect('tapped-answered', 'calls with the header that succeed', all, answered),
    // A few calls pass before the tap starts. If kubectl takes as long to start as the tap lasts, half of them do.
    expectCount('taps-with-header', 'calls with the header that are tapped', around(0.9, { low: 0.5, high: 1 }),
      countTapped, { tolerates: 500 }),
    expectCount('taps-complete', 'tapped calls that show the header, the status and the body', all, ({ output }) =>
      share(tappedIn(output), isComplete))
  ],
  look: [
    '`istioctl dashboard envoy deploy/webapp` opens the same admin port on your own machine.',
    'The output also shows what the proxies have added on the way: `x-request-id`, `x-forwarded-client-cert` with ' +
      'the identity of the gateway, and `x-envoy-attempt-count`.',
    'Bodies are cut off after 1024 bytes. `max_buffered_rx_bytes` and `max_buffered_tx_bytes` in the `output_config` ' +
      'allow more. A client of the admin port sees everything, so the port listens only inside the pod.'
  ],
  controls: [
    withhold('istio/ch14/tap-envoy-filter.yaml', 'taps-with-header'),
    otherHeaders('tapped', { 'x-tap': 'no' }, 'taps-with-header')
  ]
} satisfies Exercise
