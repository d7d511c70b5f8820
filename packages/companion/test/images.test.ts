import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { command, ROOT } from '../src/cluster/command.ts'
import { choose, FALSE_ALARM_PER_CHECK } from '../src/course/registry.ts'
import {
  BUILT, configuredSource, imageOf, imagesFrom, parseSource, pullAdvice, renamed, SERVICES, textOf, workingImages
} from '../src/cluster/images.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { silent } from '../src/run/reporter.ts'
import { runExercises } from '../src/run/run.ts'
import { PORTS } from '../src/cluster/workloads.ts'
import { answering, failingKubectl, fakeKubectl, MESH, type Answer } from './fake-kubectl.ts'

const undo: (() => void)[] = []
afterEach(() => { for (const each of undo.splice(0)) each() })

function set (value: string | undefined): void {
  const before = process.env['OUTFITTERS_IMAGES']
  const write = (value: string | undefined) => {
    if (value === undefined) delete process.env['OUTFITTERS_IMAGES']
    else process.env['OUTFITTERS_IMAGES'] = value
  }
  write(value)
  undo.push(() => write(before))
}

describe('OUTFITTERS_IMAGES', () => {
  test.each([
    ['ghcr.io/you/outfitters:1.0', 'ghcr.io/you/outfitters/catalog:1.0'],
    ['ghcr.io/you/outfitters', 'ghcr.io/you/outfitters/catalog:dev'],
    ['gcr.io/x/y:1.2', 'gcr.io/x/y/catalog:1.2'],
    ['docker.io/you:v1', 'docker.io/you/catalog:v1'],
    ['localhost/mine:a', 'localhost/mine/catalog:a'],
    ['localhost:5000/outfitters', 'localhost:5000/outfitters/catalog:dev'],
    ['localhost:5000', 'localhost:5000/catalog:dev'],
    ['registry:5000/a/b-c__d.e:T_1.2-3', 'registry:5000/a/b-c__d.e/catalog:T_1.2-3'],
    ['[::1]:5000/outfitters:7', '[::1]:5000/outfitters/catalog:7'],
    ['[fd00::1]/outfitters', '[fd00::1]/outfitters/catalog:dev'],
    ['10.0.0.7:5000/outfitters', '10.0.0.7:5000/outfitters/catalog:dev']
  ])('%s', (value, image) => {
    const source = parseSource(value)
    expect(imageOf(source, 'catalog')).toBe(image)
    expect(parseSource(textOf(source))).toEqual(source)
  })

  test.each([
    ['you/outfitters', /does not begin with a registry\. For Docker Hub, use docker\.io\/you\/outfitters/],
    ['https://ghcr.io/you', /leave out the scheme, such as https:\/\//],
    [`ghcr.io/you@sha256:${'0'.repeat(64)}`, /one digest cannot name three images/],
    ['ghcr.io/You/outfitters', /'You' cannot be part of an image's name/],
    ['ghcr.io/you//outfitters', /'' cannot be part of an image's name/],
    ['ghcr.io/you/', /ends with a slash/],
    ['ghcr.io/:1.0', /the path before the tag is missing/],
    ['ghcr.io/you:', /'' is not a tag/],
    ['ghcr.io/you:1:2', /'1:2' is not a tag/],
    ['localhost:port/you', /'localhost:port' is not the host of a registry/],
    ['::1:5000/you', /'::1:5000' is not the host of a registry/],
    [' ', /does not begin with a registry/]
  ])('refuses %j', (value, reason) => {
    expect(() => parseSource(value)).toThrow(`OUTFITTERS_IMAGES is '${value}'`)
    expect(() => parseSource(value)).toThrow(reason)
    expect(() => parseSource(value)).toThrow(/\nIt has the form REGISTRY\/PATH\[:TAG\]/)
  })

  test.each([undefined, ''])('%j counts as not set', value => {
    set(value)
    expect(configuredSource()).toBeUndefined()
  })

  test('images that are the same in the manifests need no change', () => {
    expect(imagesFrom(BUILT)).toEqual({})
    expect(Object.keys(imagesFrom({ ...BUILT, tag: 'mine' }))).toEqual(SERVICES)
  })

  test('a wrong value ends the companion with exit code 3 at once, and the scripts with 2', async () => {
    set('nowhere')
    undo.push(fakeKubectl())
    const stderr = expect.stringMatching(/^OUTFITTERS_IMAGES is 'nowhere'/)
    const refused = (code: number) => ({ code, stdout: '', stderr })
    expect(await command('node', ['packages/companion/src/cli.ts', 'ch2.deploy'])).toMatchObject(refused(3))
    expect(await command('node', ['scripts/images.ts', '--names'])).toMatchObject(refused(2))
    expect(await command('node', ['scripts/e2e.ts'])).toMatchObject(refused(2))
  })

  test('if the setting and --push differ, nothing is pushed', async () => {
    set('ghcr.io/you/outfitters:1.0')
    const { code, stderr } = await command('node', ['scripts/images.ts', '--push', 'ghcr.io/you/outfitters'])
    expect([code, stderr.split('\n')[0]]).toEqual([2, '--push is ghcr.io/you/outfitters:dev, ' +
      'but OUTFITTERS_IMAGES is ghcr.io/you/outfitters:1.0; use only one of them'])
  })
})

test('the text of a manifest gets other images, and longer names with the same beginning stay', () => {
  const others = 'b: localhost/outfitters/catalog:dev2\nc: localhost/outfitters/forum:dev'
  expect(renamed(`a: localhost/outfitters/catalog:dev\n${others}`, { catalog: 'ghcr.io/$&/catalog:1' }))
    .toBe(`a: ghcr.io/$&/catalog:1\n${others}`)
})

interface Has { image: string, generation?: number, updated?: number, available?: number }

const deployment = (name: string, { image, generation = 2, updated = 1, available = 1 }: Has) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, generation },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'sidecar', image: 'busybox' }, { name, image }] }
    }
  },
  status: { observedGeneration: 2, replicas: 1, updatedReplicas: updated, availableReplicas: available }
})
const OURS = { stdout: 'HTTP/1.1 200 OK\r\nx-served-by: catalog-abc\r\n\r\n' }
const working = (answer: Answer[1], ...deployments: object[]) => {
  const execute = answering(
    [new RegExp(`get deployments ${SERVICES.join(' ')}`), { stdout: { kind: 'List', items: deployments } }],
    [/exec deploy\/\w+ -c \w+ -- curl .* localhost:(3000|8080)\/readyz/, answer]
  )
  return workingImages(new Kubectl('shop', { execute }), PORTS)
}

describe('the image of the user\'s own Deployment', () => {
  test('is kept if it works and runs our service', async () => {
    const catalog = deployment('catalog', { image: 'ghcr.io/you/catalog@sha256:00' })
    const deployments = [catalog, deployment('forum', { image: 'mine:1' })]
    expect(await working(OURS, ...deployments))
      .toEqual({ catalog: 'ghcr.io/you/catalog@sha256:00', forum: 'mine:1' })
  })

  test.each<[string, Has]>([
    ['is the same in the manifests', { image: 'localhost/outfitters/catalog:dev' }],
    ['is not ready', { image: 'mine:1', available: 0 }],
    ['is being replaced', { image: 'mine:1', updated: 0 }],
    ['has just been changed', { image: 'mine:1', generation: 3 }]
  ])('is not kept if it %s', async (_, has) => {
    expect(await working(OURS, deployment('catalog', has))).toEqual({})
  })

  test.each<[string, Answer[1]]>([
    [
      'answers without x-served-by, as the book\'s image does',
      { stdout: 'HTTP/1.1 404 Not Found\r\nx-powered-by: Express\r\n\r\n' }
    ],
    ['does not answer', { code: 7 }],
    ['has no curl', { code: 126, stderr: 'exec: "curl": executable file not found' }]
  ])('is not kept if it %s', async (_, answer) => {
    expect(await working(answer, deployment('catalog', { image: 'istioinaction/catalog:latest' }))).toEqual({})
  })
})

describe('what a run applies', () => {
  beforeAll(() => failingKubectl())

  const STORE = deployment('catalog', { image: 'localhost/outfitters/catalog:dev' })
  const applied = (image: string) =>
    `kubectl kustomize k8s | sed 's|localhost/outfitters/catalog:dev|${image}|' | ` +
    'kubectl -n shop apply -f - --openapi-patch=false'

  /** What the run of an exercise says that it does, as far as there is a store to apply. */
  async function lines (...answers: Answer[]): Promise<string[]> {
    const told: string[] = []
    const execute = answering(
      ...answers,
      [/kustomize/, { stdout: STORE }],
      [/get deployment\.apps\/catalog/, {}],
      [/rollout status/, { code: 1, stderr: 'that is enough' }],
      ...MESH
    )
    const tell = (line: string) => { told.push(line) }
    const report = { ...silent, command: tell, note: tell }
    const exercises = choose(['ch2.chaos'])
    const falseAlarm = FALSE_ALARM_PER_CHECK
    await runExercises({ exercises, namespace: 'shop', report, falseAlarm, patience: 300, execute })
    return told
  }

  test('has the images of the setting', async () => {
    set('ghcr.io/you/outfitters:1.0')
    expect(await lines()).toContain(applied('ghcr.io/you/outfitters/catalog:1.0'))
  })

  test('has the images of the manifests without the setting', async () => {
    set(undefined)
    expect(await lines()).toContain('kubectl -n shop apply -k k8s --openapi-patch=false')
  })

  test('has the reader\'s own images, and records them for a run that takes over', async () => {
    set(undefined)
    const items = [deployment('catalog', { image: 'ghcr.io/you/catalog:7' })]
    const told = await lines([/get deployments catalog/, { stdout: { kind: 'List', items } }], [/readyz/, OURS])
    expect(told).toContain('The store keeps the images that run in this namespace: ghcr.io/you/catalog:7')
    expect(told).toContain(applied('ghcr.io/you/catalog:7'))
  })

  test('a run that takes over ignores the Deployments, which are the companion\'s', async () => {
    set(undefined)
    const entries = { namespaceIsOurs: false, objects: {}, faults: [], images: { catalog: 'ghcr.io/you/catalog:7' } }
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'outfitters-companion', resourceVersion: '1' },
      data: { entries: Buffer.from(JSON.stringify(entries)).toString('base64') }
    }
    const told = await lines([/get secret/, { stdout: secret }])
    expect(told.filter(line => line.includes('sed'))).toEqual([applied('ghcr.io/you/catalog:7')])
    expect(told.filter(line => line.includes('get deployments catalog'))).toEqual([])
  })
})

describe('the advice for an image that cannot be pulled', () => {
  const pod = { pod: 'catalog-abc', namespace: 'shop' }

  test('says how to push it if it comes from the registry of the setting', () => {
    set('ghcr.io/you/outfitters:1.0')
    const advice = pullAdvice('ghcr.io/you/outfitters/catalog:1.0', pod)
    expect(advice).toMatch(/^Images come from ghcr\.io\/you\/outfitters, because OUTFITTERS_IMAGES is set\. /)
    expect(advice).toContain('npm run images -- --push')
    expect(advice).toMatch(/kubectl -n shop describe pod catalog-abc$/)
    expect(advice).not.toContain('--load')
  })

  test('says how to build and load it if the setting is missing', () => {
    set(undefined)
    const advice = pullAdvice('localhost/outfitters/catalog:dev', pod)
    expect(advice).toMatch(/^npm run images -- --load builds the images and loads them into the cluster\. /)
    expect(advice).toMatch(/export OUTFITTERS_IMAGES=REGISTRY\/PATH, then npm run images -- --push$/)
  })

  test('says how to look at the pod if it is the user\'s own image', () => {
    set(undefined)
    expect(pullAdvice('ghcr.io/you/catalog:7', pod)).toBe('To see why: kubectl -n shop describe pod catalog-abc')
  })
})

describe('all images are built with one install', () => {
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
  const withoutComments = dockerfile.replaceAll(/^#.*\n/gm, '').replaceAll(/\\\n/g, ' ')
  const instructions = withoutComments.split('\n').filter(Boolean)
  /** The stages of the Dockerfile, each with its base image and its instructions. */
  const stages = instructions.reduce<{ name: string, from: string, lines: string[] }[]>((stages, line) => {
    const [, from, name = ''] = /^FROM (\S+)(?: AS (\S+))?$/.exec(line) ?? []
    return from === undefined ? (stages.at(-1)?.lines.push(line), stages) : [...stages, { name, from, lines: [] }]
  }, [])
  /** The instructions of a stage, and those of all stages that it needs. */
  const withBases = (name: string): string[] => stages
    .filter(stage => stage.name === name)
    .flatMap(({ from, lines }) => {
      const sources = [from, ...lines.flatMap(line => /^COPY --from=(\S+)/.exec(line)?.[1] ?? [])]
      return [...sources.flatMap(withBases), ...lines]
    })
  const installing = stages.filter(({ lines }) => lines.some(line => /\bnpm (ci|i|install)\b/.test(line)))

  test('the install stage is the same for every image: no ARG comes before it', () => {
    expect(installing.map(({ name }) => name)).toEqual(['dependencies'])
    expect(withBases('dependencies').filter(line => line.startsWith('ARG'))).toEqual([])
  })

  test('the install stage installs for every workspace that has an image', () => {
    const bake = readFileSync(join(ROOT, 'docker-bake.hcl'), 'utf8')
    const services = /matrix = \{ service = (\[.*\]) \}/.exec(bake)?.[1] ?? '[]'
    expect(JSON.parse(services)).toEqual(SERVICES)
    const compose = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8')
    const ofCompose = [...compose.matchAll(/WORKSPACE: ([\w/-]+)/g)].map(([, workspace = '']) => workspace)
    expect(ofCompose.length).toBeGreaterThan(0)
    // The stage installs for `services/*`, and for each other workspace by its name.
    const others = ofCompose.filter(workspace => !/^services\/[^/]+$/.test(workspace))
    const [, installed = ''] = /'--workspace=%s ' ([^)]*)\)/.exec(installing[0]?.lines.join('\n') ?? '') ?? []
    expect(installed.split(' ').toSorted()).toEqual([...new Set(others), 'services/*'].toSorted())
  })

  test('every image copies its packages from the install stage', () => {
    expect(stages.at(-1)?.lines).toContain('COPY --from=dependencies /store/node_modules node_modules')
  })
})
