import { createServer } from 'node:http'
import type { Answer } from '../measure.ts'

// The least that node:http can do: one answer, whatever is asked. ANSWER is what it sends, headers in their order and case;
// those that Node writes itself (Date, Connection, Keep-Alive) are left to it.
const { PORT, HOST, ANSWER = '' } = process.env
const { headers, keepAliveMs, body } = JSON.parse(ANSWER) as Answer

createServer({ keepAliveTimeout: keepAliveMs }, (_request, response) => {
  response.writeHead(200, headers)
  response.end(body)
}).listen(Number(PORT), HOST)
