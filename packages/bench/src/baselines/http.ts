import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Answer } from '../measure.ts'

// A server with the least work for node:http: it sends the same answer to every request. ANSWER_FILE has the body, and
// the headers in their order and case. Node itself adds Date, Connection and Keep-Alive.
const { PORT, HOST, ANSWER_FILE = '' } = process.env
const { headers, keepAliveMs, body } = JSON.parse(readFileSync(ANSWER_FILE, 'utf8')) as Answer

createServer({ keepAliveTimeout: keepAliveMs }, (_request, response) => {
  response.writeHead(200, headers)
  response.end(body)
}).listen(Number(PORT), HOST)
