// Only scripts/versions.env has the oldest supported versions. Messages name a version that is older.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { ROOT } from '../src/cluster/command.ts'
import { course } from '../src/course/registry.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { pathOf } from '../src/cluster/manifests.ts'
import { pages } from '../src/docs/pages.ts'
import { requireGatewayApi } from '../src/cluster/preflight.ts'
import {
  explainRefusal, isOlder, OLDEST, parseVersion, requireSupportedIstio, settings, type Version
} from '../src/cluster/versions.ts'
import { answering, failingKubectl, istiod, MESH, runWith, type Answer } from './fake-kubectl.ts'

beforeAll(() => failingKubectl())

const kubectlWith = (...answers: Answer[]) => new Kubectl('shop', { execute: answering(...answers) })
const version = (text: string) => parseVersion(text) as Version
const istiods = (...versions: string[]): Answer =>
  [/^get pods -A -l app=istiod/, { stdout: { items: versions.map(istiod) } }]

test.each([
  ['1.31-lab', [1, 31]],
  ['1.24.3-asm.1', [1, 24, 3]],
  ['v1.33.1-gke.100', [1, 33, 1]],
  ['v1.29.10+k3s1', [1, 29, 10]],
  ['1.31.0-distroless', [1, 31, 0]],
  ['1.31.0-eed52ebb66ad-Clean\n', [1, 31, 0]],
  ['unknown', undefined],
  ['latest', undefined],
  ['20260827', undefined],
  ['', undefined]
])('%j has the version numbers %j', (text, numbers) => {
  expect(parseVersion(text)?.numbers).toEqual(numbers)
})

test.each([
  ['1.21.9', '1.22', true],
  ['1.22.0', '1.22', false],
  ['1.9', '1.22', true],
  ['2.0', '1.22', false],
  ['1.27.0', '1.27.1', true],
  ['1.27-lab', '1.27.1', false],
  ['v1.1.0', 'v1.2.0', true]
])('%s is older than %s: %s', (one, other, older) => {
  expect(isOlder(version(one), version(other))).toBe(older)
})

describe('Istio', () => {
  const supported = async (...answers: Answer[]) =>
    (await requireSupportedIstio(kubectlWith(...answers, ...MESH), () => {}))?.text

  test('an older version is refused: the message has both versions and says what to do', async () => {
    await expect(supported(istiods('1.21.3'))).rejects
      .toThrow(/^Istio 1\.21\.3 is older than 1\.22, the oldest that the exercises work with\.\nUpgrade it: https:/)
  })

  test('the oldest version passes, and so does a vendor\'s build', async () => {
    expect(await supported(istiods('1.22.0'))).toBe('1.22.0')
    expect(await supported(istiods('1.24.3-asm.1'))).toBe('1.24.3-asm.1')
  })

  test('of two control planes, as during an upgrade, the newer one counts', async () => {
    expect(await supported(istiods('1.24.0', '1.21.3'))).toBe('1.24.0')
  })

  test('istiod itself is asked if the image does not name the version', async () => {
    const path = /^get --raw \/api\/v1\/namespaces\/istio-system\/pods\/istiod-1:15014\/proxy\/version/
    expect(await supported(istiods('latest'), [path, { stdout: '1.26.2-abc-Clean' }])).toBe('1.26.2-abc-Clean')
  })

  test.each<[string, Answer]>([
    ['whose control plane is elsewhere', istiods()],
    [
      'whose control plane the user may not read',
      [/^get pods -A/, { code: 1, stderr: 'Error from server (Forbidden)' }]
    ]
  ])('an Istio %s must know networking.istio.io/v1', async (_, hidden) => {
    const versions = (...names: string[]): Answer =>
      [/^get --raw \/apis\/networking/, { stdout: { versions: names.map(version => ({ version })) } }]
    expect(await supported(hidden, versions('v1', 'v1beta1'))).toBeUndefined()
    await expect(supported(hidden, versions('v1beta1', 'v1alpha3'))).rejects
      .toThrow(/^The cluster's Istio has no networking\.istio\.io\/v1: it is older than 1\.22/)
  })
})

test('on an older Kubernetes, there is a warning, and the exercises run', async () => {
  const notes: string[] = []
  const old: Answer = [/^version/, { stdout: { serverVersion: { gitVersion: 'v1.26.5-gke.100' } } }]
  const kubectl = kubectlWith(old, ...MESH)
  expect((await requireSupportedIstio(kubectl, text => notes.push(text)))?.text).toBe('1.31.0')
  expect(notes).toEqual([
    expect.stringMatching(/^Kubernetes 1\.26\.5-gke\.100 is older than 1\.27, the oldest that Istio 1\.22 supports\./)
  ])
})

test('an older Gateway API is refused: the message has both versions and says what to do', async () => {
  const kinds: Answer = [/^api-resources/, { stdout: 'httproutes.gateway.networking.k8s.io' }]
  const withVersion = (stdout: string) => kubectlWith(kinds, [/^get crd httproutes/, { stdout }])
  const reason = await requireGatewayApi(withVersion('v1.1.0')).catch((error: Error) => error.message)
  expect(reason).toMatch(/^The cluster's Gateway API is 1\.1\.0, older than 1\.2\.0, the oldest that [^]*\.\n/)
  expect(reason).toMatch(/Upgrade it, .*\/v1\.6\.0\/experimental-install\.yaml$/)
  await expect(requireGatewayApi(withVersion(settings['GATEWAY_API_OLDEST'] as string))).resolves.toBeUndefined()
})

describe('an exercise that needs a newer Istio than the others', () => {
  test('is not run in an older one; the others go on', async () => {
    const { error, results } = await runWith('ch6.retry-budget', istiods('1.26.1'))
    expect(error).toBeUndefined()
    expect(results).toEqual([{
      id: 'ch6.retry-budget',
      verdict: 'error',
      checks: [],
      error: 'This exercise needs Istio 1.27.1 or newer, and the cluster has 1.26.1. ' +
        'Upgrade it, or go on without this exercise.'
    }])
  })

  test('says so on its page', () => {
    const all = pages()
    for (const { id, istio } of course) {
      const page = all.get(`docs/exercises/${id.replace('.', '/')}.md`) as string
      expect(page.includes(`- Istio ${istio} or newer`), id).toBe(istio !== undefined)
    }
  })

  // Sources of these versions: istio.io/api and the release notes of Istio and Envoy.
  test.each([
    [/^ +retryBudget:/m, '1.27.1'],
    [/^ +serviceAccounts:/m, '1.25'],
    [/local_ratelimit[^]*^ +rate_limits:/m, '1.24']
  ])('names a version that has each field it uses: %s came with %s', (field, since) => {
    const has = (file: string) => file.endsWith('.yaml') && field.test(readFileSync(join(ROOT, pathOf(file)), 'utf8'))
    const uses = course.filter(({ steps }) => steps.some(step => step.kind === 'apply' && has(step.file)))
    expect(uses).not.toEqual([])
    for (const { id, istio = OLDEST.istio.text } of uses) {
      expect(isOlder(version(istio), version(since)), id).toBe(false)
    }
  })
})

describe('if the API server refuses a manifest that is too new, the message explains', () => {
  const STRICT = 'Error from server (BadRequest): x in version "v1" cannot be handled as a x: ' +
    'strict decoding error: unknown field'
  const CRD = 'error: resource mapping not found for name: "catalog" namespace: "" from "k8s/istio/ch2/x.yaml": ' +
    'no matches for kind "DestinationRule" in version "networking.istio.io/v1"\nensure CRDs are installed first'

  test('which kind the cluster does not know', () => {
    const reason = explainRefusal(CRD, 'istio/ch2/x.yaml', version('1.22.1'))
    expect(reason).toContain('The cluster does not know the kind DestinationRule of networking.istio.io/v1, ' +
      'which k8s/istio/ch2/x.yaml uses. ')
    expect(reason).toContain('The oldest Istio that works is 1.22, and the cluster has 1.22.1.')
  })

  test('which field the cluster does not know', () => {
    const reason = explainRefusal(`${STRICT} "spec.trafficPolicy.retryBudget"`, 'istio/ch6/x.yaml', undefined)
    expect(reason).toContain('The cluster does not know the field spec.trafficPolicy.retryBudget, ' +
      'which k8s/istio/ch6/x.yaml uses. ')
    expect(reason).toContain('The oldest Istio that works is 1.22. Its CRDs may be older than Istio itself: kubectl')
  })

  test('that the Gateway API needs its experimental channel', () => {
    const reason = explainRefusal(`${STRICT} "spec.rules[0].retry"`, 'gateway-api/ch2/x.yaml', undefined)
    expect(reason).toMatch(/does not know the field spec\.rules\[0\]\.retry, /)
    expect(reason).toContain('The Gateway API must be 1.2.0 or newer, from its experimental channel: kubectl apply')
  })

  test('nothing about other refusals', () => {
    expect(explainRefusal('connection refused', 'istio/ch2/x.yaml', undefined)).toBeUndefined()
  })

  test('the explanation is the error of the exercise', async () => {
    const { results: [result] } = await runWith('ch2.gateway', [/ apply /, { code: 1, stderr: CRD }])
    const explained = expect.stringMatching(/^The cluster does not know the kind/)
    expect(result).toMatchObject({ verdict: 'error', error: explained })
  })
})

test('the documents name the versions in scripts/versions.env, and the exercises that need a newer Istio', () => {
  const words = (file: string) => readFileSync(join(ROOT, file), 'utf8').replace(/\s+/g, ' ')
  expect(words('README.md')).toContain(`a cluster with Istio ${OLDEST.istio.text} or newer`)
  const mesh = words('docs/mesh.md')
  const tells = (text: string) => expect(mesh.includes(text), text).toBe(true)
  tells(`Istio ${OLDEST.istio.text} or newer, Kubernetes ${OLDEST.kubernetes.text} or newer`)
  tells(`for \`--api gateway\`, the Gateway API ${OLDEST.gatewayApi.text} or newer`)
  const newer = course.flatMap(({ id, istio }) => istio === undefined ? [] : [`\`${id}\` needs ${istio}`])
  expect(newer.length).toBeGreaterThan(1)
  tells(`${newer.slice(0, -1).join(', ')} and ${newer.at(-1)}`)
})
