import { listen, stubUpstream } from '@outfitters/service-kit/testing'
import request from 'supertest'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { buildFront } from '../src/front.ts'

let v1: Awaited<ReturnType<typeof stubUpstream>>
let v2: typeof v1
let front: ReturnType<typeof buildFront>
let origin: string

beforeEach(async () => {
  v1 = await stubUpstream((request, response) => {
    if (request.url === '/broken') request.socket.destroy()
    else request.pipe(response.writeHead(request.url === '/unavailable' ? 503 : 200, { 'x-served-version': 'v1', 'retry-after': '0' }))
  })
  v2 = await stubUpstream((_request, response) => response.writeHead(404, { 'x-served-version': 'v2' }).end('none'))
  front = buildFront([v1.origin, v2.origin])
  origin = await listen(front)
})
afterEach(async () => {
  await front.close()
  await v1.close()
  await v2.close()
})

test('requests go to the instances by turns, also over one connection', async () => {
  const agent = request.agent(origin)
  const versions = []
  for (const path of ['/a', '/b', '/c', '/d']) versions.push((await agent.get(path)).headers['x-served-version'])
  expect(versions).toEqual(['v1', 'v2', 'v1', 'v2'])
})

test('a request arrives as it was sent: method, path, query, headers, host and body', async () => {
  const answer = await request(origin).put('/items/9?x=1%202').set({ 'x-dark-launch': 'v2', host: 'catalog.istioinaction', 'content-type': 'application/json' }).send('{ "id": 9 }')
  expect(answer.text ?? answer.body.toString()).toBe('{ "id": 9 }')
  expect(v1.requests[0]).toMatchObject({ method: 'PUT', url: '/items/9?x=1%202', headers: { host: 'catalog.istioinaction', 'x-dark-launch': 'v2', 'content-type': 'application/json' } })
})

test('an answer comes back as it was given', async () => {
  await request(origin).get('/a')
  const answer = await request(origin).get('/b')
  expect([answer.status, answer.text, answer.headers['x-served-version']]).toEqual([404, 'none', 'v2'])
})

test('nothing is tried again: a 503 is handed on, a broken connection is a 503', async () => {
  expect((await request(origin).get('/unavailable')).status).toBe(503)
  await request(origin).get('/other')
  expect((await request(origin).get('/broken')).status).toBe(503)
  expect(v1.requests.map(({ url }) => url)).toEqual(['/unavailable', '/broken'])
})
