// Runs scripts/cluster.sh with stand-ins for kind, kubectl, istioctl, docker and npm.
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ROOT, SERVICES } from '../../../scripts/project.ts'
import { settings as VERSIONS } from '../src/cluster/versions.ts'

/**
 * The output and the exit code of a stand-in whose command line matches the pattern. The first match counts.
 */
type Answer = [pattern: string, stdout: string, code?: number]

const ADDONS = ['prometheus', 'grafana', 'jaeger', 'kiali', 'loki']

/** A machine with all commands, no cluster yet, and an istioctl that ends its output as the real one does. */
const FRESH: Answer[] = [
  ['^kubectl .*version$', `Server Version: ${VERSIONS['DEFAULT_KIND_NODE_IMAGE']?.split(':')[1]}\n`],
  ['^kubectl .*get service --all-namespaces', 'istio-system/istio-ingressgateway ingressgateway\n'],
  ['^kubectl config current-context', 'kind-outfitters\n'],
  ['^istioctl version --remote=false', `client version: ${VERSIONS['ISTIO_VERSION']}.0\n`],
  ['^istioctl .*install', '✔ Installation complete']
]
/** Istio is installed already, by istioctl and with our providers. */
const ISTIO: Answer[] = [
  ['get deployment --selector app=istiod', 'deployment.apps/istiod\n'],
  ['get configmap istio', 'extensionProviders:\n- envoyOtelAls:\n    service: collector\n']
]

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cluster-script-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Runs the script with stand-ins that print these answers, and nothing for other command lines. */
function cluster (
  args: string[],
  answers: Answer[] = [],
  { env = {}, cwd = ROOT }: { env?: Record<string, string>; cwd?: string } = {}
) {
  const commands = join(folder, 'bin')
  mkdirSync(commands)
  const all = [...answers, ...FRESH]
  writeFileSync(join(folder, 'patterns'), all.map(([pattern]) => `${pattern}\n`).join(''))
  for (const [index, [, stdout]] of all.entries()) writeFileSync(join(folder, `stdout.${index}`), stdout)
  for (const name of ['kind', 'kubectl', 'istioctl', 'docker', 'npm']) {
    writeFileSync(
      join(commands, name),
      `#!/usr/bin/env bash
line="${name} $*" index=0
echo "$line" >>'${folder}/calls'
case $line in *' --filename -') cat >>'${folder}/stdin' ;; esac
codes=(${all.map(([, , code = 0]) => code).join(' ')})
while IFS= read -r pattern; do
  if [[ $line =~ $pattern ]]; then cat "${folder}/stdout.$index"; exit "\${codes[$index]}"; fi
  index=$((index + 1))
done <'${folder}/patterns'
`,
      { mode: 0o755 }
    )
  }
  for (const name of ['calls', 'stdin']) writeFileSync(join(folder, name), '')
  const { KIND_NODE_IMAGE: _, OUTFITTERS_IMAGES: __, ...inherited } = process.env
  const { status, stdout, stderr } = spawnSync(join(ROOT, 'scripts/cluster.sh'), args, {
    cwd,
    encoding: 'utf8',
    env: { ...inherited, ...env, PATH: `${commands}${delimiter}${process.env['PATH']}` }
  })
  const calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n')
  rmSync(commands, { recursive: true })
  return {
    code: status,
    stdout,
    stderr,
    calls,
    piped: readFileSync(join(folder, 'stdin'), 'utf8'),
    applied: calls.flatMap(call => /^kubectl .*apply.* --filename (\S+)/.exec(call)?.[1] ?? [])
  }
}

describe('versions', () => {
  const created = (calls: string[]) => calls.find(call => call.startsWith('kind create cluster'))

  test('a new cluster has the node image that this Istio supports', () => {
    const { code, stderr, calls, stdout } = cluster(['up', '--without-addons'])
    expect([code, stderr]).toEqual([0, ''])
    expect(created(calls)).toContain(`--image ${VERSIONS['DEFAULT_KIND_NODE_IMAGE']} `)
    expect(stdout).toContain(`creating the kind cluster outfitters with ${VERSIONS['DEFAULT_KIND_NODE_IMAGE']}`)
  })

  test('a new cluster has the node image of KIND_NODE_IMAGE if that is set', () => {
    expect(
      created(cluster(['up', '--without-addons'], [], { env: { KIND_NODE_IMAGE: 'kindest/node:v1.34.4' } }).calls)
    ).toContain('--image kindest/node:v1.34.4 ')
  })

  test("a new cluster has kind's own default image if KIND_NODE_IMAGE is empty", () => {
    expect(created(cluster(['up', '--without-addons'], [], { env: { KIND_NODE_IMAGE: '' } }).calls)).toBe(
      'kind create cluster --name outfitters --wait 120s'
    )
  })

  test('the usage names the node image, and the default', () => {
    const { stdout } = cluster(['--help'], [], { env: { KIND_NODE_IMAGE: 'kindest/node:v1.34.4' } })
    expect(stdout).toMatch(/KIND_NODE_IMAGE .*now "kindest\/node:v1\.34\.4"/)
    expect(stdout).toContain(VERSIONS['DEFAULT_KIND_NODE_IMAGE'])
  })

  test('a cluster whose Kubernetes is newer than Istio was tested with is used, with a warning', () => {
    const { code, stdout } = cluster(
      ['up', '--without-addons'],
      [
        ['^kind get clusters', 'outfitters\n'],
        ['^kubectl .*version$', 'Server Version: v1.99.1\n']
      ]
    )
    expect(code).toBe(0)
    expect(stdout).toMatch(/the cluster has Kubernetes v1\.99\.1, but Istio [\d.]+ is tested only up to v1\.\d+\./)
  })

  test.each<[string, Answer[], RegExp]>([
    [
      'Kubernetes',
      [
        ['^kind get clusters', 'outfitters\n'],
        ['^kubectl .*version$', 'Server Version: v1.20.3\n']
      ],
      /the cluster has Kubernetes v1\.20\.3, but the oldest version that the store supports is [\d.]+\. Upgrade/
    ],
    [
      'Istio',
      [...ISTIO, ['^istioctl .*version$', 'client version: 1.31.0\ncontrol plane version: 1.9.5\n']],
      /the cluster has Istio 1\.9\.5, but the oldest version that the store supports is [\d.]+\. Upgrade Istio/
    ],
    [
      'istioctl',
      [['^istioctl version --remote=false', '1.20.8\n']],
      /this istioctl installs Istio 1\.20\.8, but the oldest version that the store supports is [\d.]+\. Install/
    ]
  ])('if %s is too old, the script ends and says what to do', (_, answers, message) => {
    const { code, stderr, calls } = cluster(['up', '--without-addons'], answers)
    expect([code, stderr]).toEqual([1, expect.stringMatching(message)])
    expect(calls.filter(call => / install /.test(call))).toEqual([])
  })

  test.each<[string, Answer]>([
    ['with a version that is not a number', ['^istioctl .*version$', 'control plane version: lab\n']],
    ['whose istiod does not answer', ['^istioctl .*version$', '', 1]]
  ])('an Istio %s counts as new enough', (_, answer) => {
    expect(cluster(['up', '--without-addons'], [...ISTIO, answer])).toMatchObject({ code: 0, stderr: '' })
  })

  test('an old Gateway API is left alone, with a warning that some exercises need a newer one', () => {
    const { stdout, applied } = cluster(
      ['up'],
      [
        ['get crd httproutes.* --output jsonpath', 'v0.8.0'],
        ['get crd httproutes', 'crd/httproutes\n']
      ]
    )
    expect(stdout).toMatch(/its version is v0\.8\.0, but the exercises with --api gateway need v[\d.]+ or newer/)
    expect(applied.filter(file => file.includes('gateway-api'))).toEqual([])
  })

  test.each(globSync(['*.md', 'docs/*.md', 'k8s/**/*.md', 'observability/**/*.md'], { cwd: ROOT }).sort())(
    "%s takes Istio's files from the same release",
    path => {
      const releases = Array.from(
        readFileSync(join(ROOT, path), 'utf8').matchAll(/istio\/istio\/release-([\d.]+\d)/g),
        ([, release]) => release
      )
      expect(new Set(releases)).toEqual(new Set(releases.length === 0 ? [] : [VERSIONS['ISTIO_VERSION']]))
    }
  )

  test('the script itself contains no version', () => {
    const code = readFileSync(join(ROOT, 'scripts/cluster.sh'), 'utf8').replace(/^ *#.*$/gm, '')
    expect(code.match(/\bv?1\.\d{2}\b|\bv\d+\.\d+\.\d+/g)).toBeNull()
  })

  test.each(['.ci/run', '.ci/kind', '.github/workflows/ci.yml', 'docker-compose.observability.yml'])(
    '%s names no version of scripts/versions.env',
    path => {
      const text = readFileSync(join(ROOT, path), 'utf8')
      for (const name of ['ISTIO_VERSION', 'GATEWAY_API_VERSION']) expect(text).not.toContain(VERSIONS[name])
    }
  )
})

test('without a terminal, every message begins on a new line', () => {
  const { stdout } = cluster(['up'])
  expect(stdout).toContain('✔ Installation complete\n==')
  for (const line of stdout.split('\n').filter(line => line.includes('=='))) expect(line).toMatch(/^== /)
})

describe('add-ons', () => {
  test('add-ons are those of the Istio release, including Loki', () => {
    const { code, applied } = cluster(['up'])
    expect(code).toBe(0)
    expect(applied.slice(0, 5)).toEqual(
      ADDONS.map(
        addon =>
          'https://raw.githubusercontent.com/istio/istio/' +
          `release-${VERSIONS['ISTIO_VERSION']}/samples/addons/${addon}.yaml`
      )
    )
  })

  test("with a new Istio, a collector sends the proxies' access log to Loki, with labels", () => {
    const { calls, applied } = cluster(['up'])
    expect(calls.find(call => call.includes(' install '))).toContain(
      '--set profile=demo --filename observability/mesh/istio.yaml'
    )
    expect(applied).toEqual(
      expect.arrayContaining(['observability/mesh/collector.yaml', 'observability/mesh/telemetry.yaml'])
    )
  })

  test('with an existing Istio, the collector does so if the mesh has a provider for it', () => {
    expect(cluster(['up'], ISTIO).applied).toContain('observability/mesh/telemetry.yaml')
  })

  test.each<[string, Answer[], RegExp]>([
    [
      'has no provider',
      [['get configmap istio', 'accessLogFile: /dev/stdout'], ...ISTIO],
      /mesh config has no provider for it\. observability\/mesh\/README\.md says/
    ],
    [
      'has a Telemetry of its own for the whole mesh',
      [...ISTIO, ['get telemetries', 'mesh-default\n']],
      /mesh-default in istio-system exists already\. observability\/mesh\/README\.md says/
    ]
  ])('otherwise a message says what to do, for an Istio that %s', (_, answers, sentence) => {
    const { code, stdout, applied } = cluster(['up'], answers)
    expect([code, stdout]).toEqual([0, expect.stringMatching(sentence)])
    expect(applied).not.toContain('observability/mesh/telemetry.yaml')
  })

  test('add-ons that exist are left alone, including Loki, which is a StatefulSet', () => {
    const { stdout, applied } = cluster(
      ['up'],
      [
        ['get statefulset loki', 'statefulset.apps/loki\n'],
        ['get deployment (prometheus|grafana|jaeger|kiali)', 'deployment.apps/there\n']
      ]
    )
    expect(applied.filter(file => file.includes('addons'))).toEqual([])
    for (const addon of ADDONS) expect(stdout).toContain(`== ${addon} is installed already`)
  })

  test.each(['prometheus', 'gateway-api'])('if %s cannot be downloaded, the script ends and says what to do', name => {
    const { code, stderr } = cluster(['up'], [[`apply .*https:.*${name}`, '', 1]])
    const advice = /^cluster\.sh: cannot install [^]* --addons DIR, .* --without-addons\n$/
    expect([code, stderr]).toEqual([1, expect.stringMatching(advice)])
  })

  test('add-ons come from a folder, whose path is relative to the current folder', () => {
    const release = join(folder, 'samples/addons')
    mkdirSync(release, { recursive: true })
    for (const addon of ADDONS) writeFileSync(join(release, `${addon}.yaml`), '')
    const { code, stderr, stdout, applied } = cluster(['up', '--addons', 'samples/addons'], [], { cwd: folder })
    expect([code, stderr]).toEqual([0, ''])
    expect(applied.slice(0, 5)).toEqual(ADDONS.map(addon => join(release, `${addon}.yaml`)))
    expect(stdout).toMatch(/not installing the Gateway API[^]*has no gateway-api\.yaml\. Download it from https:/)
    expect(applied.filter(file => file.startsWith('http'))).toEqual([])
  })

  test('the Gateway API comes from the same folder if it is there', () => {
    for (const name of [...ADDONS, 'gateway-api']) writeFileSync(join(folder, `${name}.yaml`), '')
    expect(cluster(['up', '--addons', folder]).applied).toContain(join(folder, 'gateway-api.yaml'))
  })

  test('if the folder lacks an add-on, the script ends before it does anything, and names the file', () => {
    for (const addon of ADDONS.slice(0, 3)) writeFileSync(join(folder, `${addon}.yaml`), '')
    const { code, stderr, calls } = cluster(['up', '--addons', folder])
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`${folder} lacks kiali.yaml loki.yaml. Use the folder samples/addons of an Istio`)
    ])
    expect(calls).toEqual([''])
  })

  test.each([
    [['up', '--addons'], 2, '--addons needs a folder'],
    [['up', '--addons', '/no/such'], 1, 'the folder /no/such does not exist'],
    [['up', '--addons', '.', '--without-addons'], 2, 'use either --addons or --without-addons, not both'],
    [['status', '--addons', '.'], 2, '--addons works only with up'],
    [['up', '--with-addons'], 2, 'unknown option --with-addons']
  ])('%j is refused', (args, code, message) => {
    const result = cluster(args)
    expect([result.code, result.stderr]).toEqual([code, expect.stringContaining(message)])
  })

  test('status lists Loki and the collector', () => {
    const { code, stdout } = cluster(
      ['status'],
      [
        ['^kind get clusters', 'outfitters\n'],
        ['get statefulset loki', 'statefulset.apps/loki\n'],
        ['get deployment', 'deployment/there\n']
      ]
    )
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^loki +installed\ncollector +installed$/m)])
  })
})

describe('OUTFITTERS_IMAGES', () => {
  const WRITTEN = 'image: localhost/outfitters/catalog:dev\nimage: localhost/outfitters/webapp:dev\n'
  const images = (value: string, ...answers: Answer[]) =>
    cluster(['up', '--without-addons'], [...answers, ['kustomize k8s', WRITTEN]], { env: { OUTFITTERS_IMAGES: value } })
  const names = (...images: string[]): Answer => ['^npm run --silent images -- --names', `${images.join('\n')}\n`]

  test('the store gets the images of the setting, and the script builds none', () => {
    const built = names('ghcr.io/you/catalog:1', 'ghcr.io/you/webapp:1', 'ghcr.io/you/forum:1')
    const { code, stderr, piped, calls } = images('ghcr.io/you:1', built)
    expect([code, stderr, piped]).toEqual([0, '', 'image: ghcr.io/you/catalog:1\nimage: ghcr.io/you/webapp:1\n'])
    expect(calls.filter(call => call.includes('--load'))).toEqual([])
  })

  test('with a wrong setting, the script ends before it does anything', () => {
    const { code, calls } = images('nowhere', ['^npm run --silent images -- --names', '', 2])
    expect([code, calls]).toEqual([2, ['docker info', 'npm run --silent images -- --names']])
  })

  const others = (name: string): Answer => [`get deployment ${name} .*image}`, `registry.example/${name}:7`]
  const answersAsOurs = (name: string): Answer =>
    [`exec deployment/${name} .*readyz`, 'HTTP/1.1 200 OK\r\nx-served-by: pod\r\n']

  test('without the setting, other images that work stay, and the script builds none', () => {
    const { code, stdout, piped, calls } = images('', ...SERVICES.map(others), ...SERVICES.map(answersAsOurs))
    expect([code, piped]).toEqual([0, 'image: registry.example/catalog:7\nimage: registry.example/webapp:7\n'])
    expect(stdout).toContain('keeping the image of forum, which works: registry.example/forum:7')
    expect(calls.filter(call => call.includes('--load'))).toEqual([])
  })

  test("images that are not ours, such as the book's, are replaced", () => {
    const { piped, calls } = images('', others('catalog'), others('webapp'), answersAsOurs('webapp'))
    expect(piped).toBe('image: localhost/outfitters/catalog:dev\nimage: registry.example/webapp:7\n')
    expect(calls).toContain('npm run --silent images -- --load --context kind-outfitters')
  })

  test('without the setting and a store, the script builds the images, and the manifests stay as they are', () => {
    const { piped, calls } = images('')
    expect(piped).toBe(WRITTEN)
    expect(calls).toContain('npm run --silent images -- --load --context kind-outfitters')
  })
})

describe('the ingress gateway of an existing Istio', () => {
  test('is found by its label, in any namespace', () => {
    const { code, stdout, calls } = cluster(
      ['up', '--without-addons'],
      [['get service --all-namespaces', 'istio-ingress/istio-ingress ingress\n'], ...ISTIO]
    )
    expect(code).toBe(0)
    expect(stdout).toContain('kubectl port-forward -n istio-ingress svc/istio-ingress 8080:80')
    expect(stdout).toContain(
      "sed 's/istio: ingressgateway/istio: ingress/' k8s/istio/ch2/ingress-gateway.yaml | kubectl apply -f -"
    )
    expect(calls.filter(call => / install /.test(call))).toEqual([])
  })

  test('if there are several, the advice says how to choose one', () => {
    const { stdout } = cluster(
      ['up', '--without-addons'],
      [
        [
          'get service --all-namespaces',
          'istio-ingress/istio-ingress ingress\nistio-system/istio-ingressgateway ingressgateway\n'
        ],
        ...ISTIO
      ]
    )
    expect(stdout).toContain('npm run exercise -- ch2 --gateway istio-ingress/istio-ingress')
  })

  test('if the search fails, the script does not claim that there is no gateway', () => {
    const { code, stderr } = cluster(['up', '--without-addons'], [['get service --all-namespaces', '', 1], ...ISTIO])
    const message = 'cannot find out whether the cluster has an ingress gateway'
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
    expect(stderr).not.toContain('helm install')
  })

  test('if there is none, the advice is to add a gateway, not to install Istio again', () => {
    const { code, stderr } = cluster(['up', '--without-addons'], [['get service --all-namespaces', ''], ...ISTIO])
    expect([code, stderr]).toEqual([1, expect.stringContaining('helm install istio-ingress gateway')])
    expect(stderr).not.toContain('istioctl install')
  })
})
