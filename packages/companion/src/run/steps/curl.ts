import { quoted } from '../../cluster/kubectl.ts'
import type { Load } from '../../course/exercise.ts'

/** A request, as curl sends it. */
export interface CurlOptions {
  url: string
  method?: string | undefined
  headers?: Record<string, string> | undefined
  body?: string | undefined
  /** HOST:PORT:ADDRESS, to connect to an address without DNS */
  resolve?: string
  files?: Load['tls']
}

/**
 * The line of a shell that sends a request.
 *
 * @param fill replaces the placeholders in a word
 */
export function curlLine (options: CurlOptions, fill: (word: string) => string): string {
  const { url, method = 'GET', headers = {}, body, resolve, files } = options
  const words = [
    'curl',
    ...resolve === undefined ? [] : ['--resolve', resolve],
    ...files === undefined ? [] : ['--cacert', files.ca],
    ...files?.cert === undefined ? [] : ['--cert', files.cert],
    ...files?.key === undefined ? [] : ['--key', files.key],
    ...method === 'GET' || body !== undefined ? [] : ['-X', method],
    ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    ...body === undefined ? [] : ['-d', body],
    url
  ]
  return words.map(fill).map(word => word.includes('$(') ? `"${word}"` : quoted(word)).join(' ')
}
