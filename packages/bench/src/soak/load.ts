import autocannon from 'autocannon'
import { CONNECTIONS, HOST } from '../measure.ts'

/** Requests a second. */
const RATE = 280
const PATHS = ['/api/catalog', '/api/catalog/items/1', '/api/users', '/api/catalog', '/']

/** A minute of load. */
export interface Minute {
  minute: number
  requests: number
  /** answers that are not 2xx, and connections that failed */
  failures: number
}

/** Sends requests to a webapp for some minutes, and reports each minute when it is over. */
export async function * minutesUnderLoad (port: number, minutes: number): AsyncGenerator<Minute> {
  for (let minute = 1; minute <= minutes; minute++) {
    const requests = PATHS.map(path => ({ path }))
    const url = `http://${HOST}:${port}`
    const result = await autocannon({ url, connections: CONNECTIONS, overallRate: RATE, duration: 60, requests })
    yield { minute, requests: result['2xx'] + result.non2xx, failures: result.non2xx + result.errors }
  }
}
