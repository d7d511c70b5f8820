import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import request from 'supertest'
import { expect, test } from 'vitest'
import { describeListening, listenOptions, originOf, readableAddress } from '../src/addresses.ts'
import { isLoopback } from '../src/loopback.ts'

test('without HOST, a server listens on every address, not only on localhost', async () => {
  expect(listenOptions({ PORT: 3000 })).toEqual({ host: '', port: 3000 })
  const app = Fastify()
  await app.listen(listenOptions({ PORT: 0 }))
  const { address, port } = app.server.address() as AddressInfo
  expect(['::', '0.0.0.0']).toContain(address) // 0.0.0.0 on a machine without IPv6
  expect((await request(`http://127.0.0.1:${port}`).get('/')).status).toBe(404)
  await app.close()
})

test.each([
  ['127.0.0.1', '127.0.0.1'], ['::1', '::1'], ['[::1]', '::1'], ['localhost', '127.0.0.1']
])('with HOST=%s, a server listens on %s', (HOST, host) => {
  expect(listenOptions({ HOST, PORT: 80 })).toEqual({ host, port: 80 })
  expect(describeListening({ HOST, PORT: 80 })).toBe(`port 80 on ${host}`)
})

test('without HOST, the description names only the port', () => {
  expect(describeListening({ PORT: 3000 })).toBe('port 3000')
})

test.each([
  ['catalog', 'http://catalog:80'],
  ['10.0.0.1', 'http://10.0.0.1:80'],
  ['fd00::10', 'http://[fd00::10]:80'],
  ['[fd00::10]', 'http://[fd00::10]:80']
])('the origin of %s is %s', (host, origin) => {
  expect(originOf(host, 80)).toBe(origin)
})

test.each([
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['10.1.2.3', '10.1.2.3'],
  ['::1', '::1'],
  ['::ffff:0:1', '::ffff:0:1'],
  [undefined, undefined]
])('the address %s is shown as %s', (address, readable) => {
  expect(readableAddress(address)).toBe(readable)
})

test('only 127.0.0.1 and ::1 count as inside the pod, also in the form of a dual-stack socket', () => {
  expect(['127.0.0.1', '::ffff:127.0.0.1', '::1'].map(isLoopback)).toEqual([true, true, true])
  const others = [
    '127.0.0.6', '::ffff:127.0.0.6', '::6', '127.0.0.2', '127.0.0.10', '::ffff:10.0.0.1', '::', '0.0.0.0', undefined
  ]
  for (const other of others) {
    expect(isLoopback(other), other).toBe(false)
  }
})
