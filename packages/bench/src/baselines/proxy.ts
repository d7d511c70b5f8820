import { createServer } from 'node:http'
import { Pool } from 'undici'

// A proxy with the least work: it receives requests with node:http, calls the upstream with undici, and parses and
// serializes the JSON.
const { PORT, HOST, UPSTREAM = '' } = process.env
const upstream = new Pool(UPSTREAM)

createServer(async (_request, response) => {
  const { body } = await upstream.request({ method: 'GET', path: '/items' })
  const answer = JSON.stringify(await body.json())
  response.writeHead(200, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(answer)
  })
  response.end(answer)
}).listen(Number(PORT), HOST)
