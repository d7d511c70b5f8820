// In the gateway's namespace, a run restores the reader's objects, and does not touch those of other runs.
import { afterAll, expect, test } from 'vitest'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { managerFor } from '../src/cluster/namespace.ts'
import { ensureNamespace } from '../src/cluster/preflight.ts'
import { cluster, exercise, freshNamespaces } from './exercises.ts'
import { k8s, NOTHING_FAILED } from './mesh.ts'

const { fresh, remove } = freshNamespaces()
afterAll(remove)

const system = cluster.in('istio-system')
const place = ['--namespace', fresh(), '--host', 'beside.example']

test('a Secret in the gateway\'s namespace whose name an exercise uses is restored', async () => {
  const secret = 'webapp-credential.beside.example'
  await system.run(['delete', 'secret', secret, '--ignore-not-found'])
  await system.run(['create', 'secret', 'generic', secret, '--from-literal=tls.crt=mine'])
  expect(await exercise(['ch4.tls', ...place])).toMatchObject({ code: NOTHING_FAILED, stderr: '' })
  expect(await system.objects(['secret', secret])).toMatchObject([{ data: { 'tls.crt': btoa('mine') } }])
  await system.run(['delete', 'secret', secret])
})

test('an object that another run has made in the gateway\'s namespace is left alone', async () => {
  const other = fresh()
  const theirs = new Kubectl(other)
  await ensureNamespace(theirs)
  const telemetry = () => system.objects(['telemetry', 'outfitters-gateway'])
  const manager = `--field-manager=${managerFor(other)}`
  await system.run(['apply', '-f', k8s('istio/ch8/gateway-telemetry.yaml'), manager])
  await theirs.run(['create', 'secret', 'generic', 'outfitters-companion'])
  const { code, stdout } = await exercise(['ch8.tracing', ...place])
  const refused = 'Telemetry outfitters-gateway in namespace istio-system ' +
    `belongs to the exercises in namespace ${other}`
  expect([code, stdout]).toEqual([1, expect.stringContaining(refused)])
  expect(await telemetry()).toHaveLength(1)

  // Without the Secret, as after the deletion of that namespace, no run will restore the object.
  await theirs.run(['delete', 'secret', 'outfitters-companion'])
  expect(await exercise(['ch8.tracing', ...place])).toMatchObject({ code: NOTHING_FAILED })
  expect(await telemetry()).toEqual([])
})
