// By default, faults can be set only from inside the Pod.
import { expect, test } from 'vitest'
import { command } from '../src/cluster/command.ts'
import { startPortForward } from '../src/cluster/endpoint.ts'
import { sendRequest } from '../src/judge/load.ts'
import { freshMesh } from './mesh.ts'

const mesh = freshMesh()
const STATUS = ['--output', '/dev/null', '--write-out', '%{http_code}']
const FORGED = ['x-forwarded-for: 127.0.0.1', 'x-real-ip: 127.0.0.1', 'forwarded: for=127.0.0.1']
  .flatMap(header => ['--header', header])
const JSON_BODY = ['--header', 'content-type: application/json', '--data', '{"type":"500"}']
const SET = ['--request', 'POST', ...JSON_BODY]

const catalogPod = async () => (await mesh.kubectl.runningPodNames('app=catalog'))[0] as string

test('calls through the gateway are refused', async () => {
  await mesh.exposeStore()
  const { url, headers: { host } } = mesh.call('/blowup')
  await expect.poll(async () => (await sendRequest(mesh.call('/blowup'))).status, { timeout: 30_000 }).toBe(403)
  for (const call of [[], SET, ['--request', 'DELETE']]) {
    const { stdout } = await command('curl', ['-sS', '--header', `host: ${host}`, ...FORGED, ...call, url])
    expect(stdout, call[1]).toMatch(/"statusCode":403,"code":"CHAOS_FORBIDDEN"/)
  }
})

test('calls from a pod outside the mesh are refused, to the Service and to the address of the pod', async () => {
  const jsonpath = 'jsonpath={.status.podIP}'
  const { stdout: ip } = await mesh.kubectl.try(['get', 'pod', await catalogPod(), '--output', jsonpath])
  for (const host of [mesh.host('catalog'), `${ip}:3000`]) {
    for (const call of [[], SET]) {
      const { stdout } = await mesh.curlOutside(...STATUS, ...FORGED, ...call, `http://${host}/blowup`)
      expect(stdout, `${call[1] ?? 'GET'} ${host}`).toBe('403')
    }
  }
})

test('calls from a pod in the mesh are refused', async () => {
  const [webapp] = await mesh.kubectl.runningPodNames('app=webapp')
  const curl = (...args: string[]) =>
    mesh.kubectl.try(['exec', `${webapp}`, '--container', 'webapp', '--', 'curl', '-sS', ...args])
  expect((await curl(...STATUS, ...FORGED, ...SET, 'http://catalog/blowup')).stdout).toBe('403')
  expect((await curl('http://catalog/blowup')).stdout).toMatch(/CHAOS_FORBIDDEN.*this request is from 127\.0\.0\.6;/)
})

test('kubectl exec, as in the book, sets a fault', async () => {
  const pod = await catalogPod()
  const curl = (...args: string[]) =>
    mesh.kubectl.run(['exec', pod, '--container', 'catalog', '--', 'curl', '-sS', ...args])
  expect(await curl(...SET, 'localhost:3000/blowup')).toMatch(/^blowups=/)
  expect(JSON.parse(await curl('localhost:3000/blowup'))).toMatchObject({ 500: { active: true, percentage: 100 } })
  expect(await curl('--request', 'DELETE', ...JSON_BODY, 'localhost:3000/blowup')).toBe('deleted blowup 500')
})

test('a port-forward reaches the faults', async () => {
  const { origin, close } = await startPortForward(mesh.kubectl.namespace, `pod/${await catalogPod()}`, 3000)
  try {
    expect(await sendRequest(`${origin}/blowup`)).toMatchObject({ status: 200, body: '{}' })
  } finally {
    close()
  }
})
