import { otherHeaders, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
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

/** Whose header x-tap is yes. */
const QUESTION = JSON.stringify({
  config_id: 'webapp',
  tap_config: {
    match: { http_request_headers_match: { headers: [{ name: 'x-tap', string_match: { exact: 'yes' } }] } },
    output_config: { sinks: [{ format: 'JSON_BODY_AS_STRING', streaming_admin: {} }] }
  }
})

/** Asks the admin port of the webapp's proxy, out of the container beside it, for three seconds. */
const TAP = ['kubectl', '-n', 'NAMESPACE', 'exec', 'deploy/webapp', '-c', 'webapp', '--', 'curl', '-s', '--max-time', '3', '-d', QUESTION, 'localhost:15000/tap']

/** Fewer than usual: a screenful is printed of each. */
const RATE = 20

/** One after the other, each with its braces on lines of their own; the last may have been cut off. */
const tappedIn = (output: string): Tapped[] => [...output.matchAll(/^\{\n[^]*?^\}$/gm)].map(([text]) => JSON.parse(text) as Tapped)

const valueOf = (message: Message | undefined, header: string) => message?.headers.find(({ key }) => key === header)?.value

export default {
  id: 'ch14.tap',
  title: 'Tap single requests',
  aim: 'A tap filter shows whole requests with their answers, headers and bodies, of those alone that match: what a log never has, without any change to the service.',
  needs: ['store', 'gateway'],
  steps: [
    apply('istio/ch14/tap-envoy-filter.yaml', 'Put the filter in front of the webapp. By itself it does nothing.'),
    waitForWebappFilter('envoy.filters.http.tap'),
    ...renewConnections,
    load('not-tapped', '/api/catalog', { says: 'Ask its admin port for the requests with the header x-tap: yes. These have none.', rate: RATE, during: TAP }),
    expect('not-tapped-answered', 'calls without the header that are answered', all, answered),
    expectCount('no-taps-without-header', 'calls without the header that are tapped', none, ({ calls, output }) => ({ count: tappedIn(output).length, of: calls.length })),
    load('tapped', '/api/catalog', { says: 'These have it.', headers: { 'x-tap': 'yes' }, rate: RATE, during: TAP }),
    expect('tapped-answered', 'calls with the header that are answered', all, answered),
    // Until the tap is there a few have gone by already: half of them where kubectl takes as long as the tap is there.
    expectCount('taps-with-header', 'calls with the header that are tapped', around(0.9, { low: 0.5, high: 1 }), ({ calls, output }) => ({ count: tappedIn(output).length, of: calls.length }), { bears: 500 }),
    expectCount('taps-complete', 'tapped calls with the header, the status and the body', all, ({ output }) => share(tappedIn(output), ({ http_buffered_trace: { request, response } }) =>
      valueOf(request, 'x-tap') === 'yes' && valueOf(response, ':status') === '200' && response?.body?.as_string.includes('"name":"Elinor Glasses"') === true))
  ],
  look: [
    '`istioctl dashboard envoy deploy/webapp` leads to the same admin port from your own machine.',
    'In what is printed: `x-request-id`, `x-forwarded-client-cert` with the identity of the gateway, and `x-envoy-attempt-count`, which the proxies have added on the way.',
    'Bodies are cut off after 1024 bytes; `max_buffered_rx_bytes` and `max_buffered_tx_bytes` in the `output_config` allow more. Who may ask the admin port sees everything: it listens to the pod alone.'
  ],
  controls: [
    withhold('istio/ch14/tap-envoy-filter.yaml', 'taps-with-header'),
    otherHeaders('tapped', { 'x-tap': 'no' }, 'taps-with-header')
  ]
} satisfies Exercise
