import { createServer } from 'node:http'
import type { Answer } from '../measure.ts'

// A server with the least work for node:http: it sends the same answer to every request. ANSWER has the body, and the
// headers in their order and case. Node itself adds Date, Connection and Keep-Alive.
const { PORT, HOST, ANSWER = '' } = process.env
const { headers, keepAliveMs, body } = JSON.parse(ANSWER) as Answer

createServer({ keepAliveTimeout: keepAliveMs }, (_request, response) => {
  response.writeHead(200, headers)
  response.end(body)
}).listen(Number(PORT), HOST)
